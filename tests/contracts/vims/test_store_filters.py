"""Every database answers filters as plain Python does."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from tests.support.sql.compare_filters import compare
from tests.support.sql.stores import registration
from vimesh.domain.filters import vim_summary
from vimesh.domain.filters.vim_summary import SummaryQuery
from vimesh.domain.vim_store import VimStore
from vimesh.store.filters import summarize_vims
from vimesh.store.schema.tables import vim_labels
from vimesh.store.sql_store import SqlStore

_COUNT = 200
"""`python -m tests.support.sql.compare_filters --count 100000` compares as many as wanted."""


async def test_filters_select_what_python_selects(store: VimStore) -> None:
    assert isinstance(store, SqlStore)

    seen = await compare(store, seed=54, count=_COUNT, pages_of_each=5)

    # Usually more than half: ids and times are other ones in each run.
    assert seen["some"] > _COUNT / 3, "the filters say too little"
    assert seen["pages"] >= _COUNT / 5


async def test_labels_that_an_earlier_version_leaves_behind_are_not_counted(store: VimStore) -> None:
    assert isinstance(store, SqlStore)
    await store.register(registration(labels={"region": "eu"}))
    left = insert(vim_labels).values(number=2**40, key="region", value="eu")
    await store._database.write(lambda connection: connection.execute(left))

    summary = await store.filters.summarize(SummaryQuery(group_by=("labels.region",)))

    assert [(group.values, group.total) for group in summary.groups] == [(("eu",), 1)]


async def test_the_largest_groups_are_counted_and_the_number_of_others(
    store: VimStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vim_summary, "MAX_GROUPS", 2)
    for number, region in enumerate(("eu", "eu", "us", "ap", "")):
        await store.register(registration(name=str(number), labels={"region": region} if region else {}))

    summary = await store.filters.summarize(SummaryQuery(group_by=("labels.region",)))

    assert [group.values for group in summary.groups] == [("eu",), (None,)]
    assert (summary.omitted_groups, summary.total.total) == (2, 5)


async def test_a_summary_counts_any_mixture_of_statuses(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    # Most VIMs are down: those are the ones that are not looked at one by one.
    monkeypatch.setattr(summarize_vims, "_FEW", 0)
    assert isinstance(store, SqlStore)

    await compare(store, seed=5, count=20, pages_of_each=1)
