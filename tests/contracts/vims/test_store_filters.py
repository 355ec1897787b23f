"""Every database answers filters as plain Python does."""

from __future__ import annotations

from tests.support.sql.compare_filters import compare
from vimesh.domain.vim_store import VimStore
from vimesh.store.sql_store import SqlStore

_COUNT = 200
"""`python -m tests.support.sql.compare_filters --count 100000` compares as many as wanted."""


async def test_filters_select_what_python_selects(store: VimStore) -> None:
    assert isinstance(store, SqlStore)

    seen = await compare(store, seed=54, count=_COUNT, pages_of_each=5)

    assert seen["some"] > _COUNT / 2, "the filters say too little"
    assert seen["pages"] >= _COUNT / 5
