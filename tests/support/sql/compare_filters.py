"""Compares what the store answers to filters with what plain Python makes of them.

`python -m tests.support.sql.compare_filters --count 100000` does so on SQLite, and says how many filters were compared.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, select

from tests.support.sql.random_filters import random_filter, register_varied_vims
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.vim_summary import GROUP_FIELDS, SummaryQuery, summary_of
from vimesh.domain.queries import Order, VimQuery
from vimesh.domain.vims import Vim
from vimesh.store.filters.sql_condition import sql_condition
from vimesh.store.rows.visible_rows import VIM_ID, WHOLE_VIM
from vimesh.store.sql_store import SqlStore

_ORDERS = ("create_time", "name", "status_time")
_LABELS = ("labels.region", "labels.example.com/team", "labels.none")
_AT_ONCE = 200


async def compare(store: SqlStore, *, seed: int, count: int, pages_of_each: int = 50) -> Counter[str]:
    """Compare `count` filters, and the pages of every `pages_of_each`th. Returns how many matched what.

    Raises AssertionError with the filter for which the answers differ.
    """
    await register_varied_vims(store)
    vims = {vim.id: vim for vim in await store.vims_after("", 1000)}
    chance, seen = random.Random(seed), Counter[str]()
    for begin in range(0, count, _AT_ONCE):
        texts = [random_filter(chance, list(vims.values())) for _ in range(min(_AT_ONCE, count - begin))]
        answers = await store._database.browse(partial(_ids_in_sql, texts=texts))
        for number, (text, answered) in enumerate(zip(texts, answers, strict=True)):
            expected = _ids_in_python(text, vims)
            assert answered == expected, f"{text!r}: {len(answered)} VIMs, not {len(expected)}"
            seen["none" if not expected else "all" if len(expected) == len(vims) else "some"] += 1
            if number % pages_of_each == 0:
                await _compare_pages(store, text, expected, chance)
                await _compare_summaries(store, text, vims, chance)
                seen["pages"] += 1
    return seen


def _ids_in_python(text: str, vims: dict[str, Vim]) -> list[str]:
    vim_filter = parse_filter(text)
    return sorted(vim.id for vim in vims.values() if vim_filter.matches(vim))


def _ids_in_sql(connection: Connection, texts: Sequence[str]) -> list[list[str]]:
    """Return the ids that each filter selects."""
    ids = select(VIM_ID).select_from(WHOLE_VIM)
    conditions = (sql_condition(parse_filter(text), connection.dialect) for text in texts)
    return [sorted(connection.scalars(ids.where(condition))) for condition in conditions]


async def _compare_pages(store: SqlStore, text: str, expected: list[str], chance: random.Random) -> None:
    order = Order(chance.choice(_ORDERS), descending=chance.random() < 0.5)
    ids, token = list[str](), ""
    while True:
        page = await store.list_vims(VimQuery(parse_filter(text), order, chance.randint(5, 40), token))
        ids += [vim.id for vim in page.vims]
        token = page.next_page_token
        if not token:
            break
    assert sorted(ids) == expected, f"{text!r} in pages by {order}"


async def _compare_summaries(store: SqlStore, text: str, vims: dict[str, Vim], chance: random.Random) -> None:
    """Compare how many VIMs of each group match the filter, and how many there are."""
    group_by = tuple(chance.sample((*GROUP_FIELDS, *_LABELS), chance.randint(0, 3)))
    for filter_text in ("", text):
        projects = chance.choice((None, frozenset({"a", "b"}), frozenset({"none"})))
        vim_filter = parse_filter(filter_text)
        expected = Counter(
            (tuple(_value(vim, field) for field in group_by), vim.status)
            for vim in vims.values()
            if vim_filter.matches(vim) and (projects is None or vim.project_id in projects)
        )
        summary = await store.filters.summarize(SummaryQuery(vim_filter, group_by, projects))
        assert summary == summary_of(expected), f"{filter_text!r} of {projects} by {group_by}"
        assert summary.total.total == expected.total()


def _value(vim: Vim, field: str) -> str | None:
    if field.startswith(LABEL_PREFIX):
        return vim.labels.get(field.removeprefix(LABEL_PREFIX))
    return str(vim.monitor.engine if field == "engine" else getattr(vim, field))


async def _main(count: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with store_at(sqlite_url(Path(folder) / "vimesh.sqlite")) as store:
            begun_at = time.monotonic()
            seen = await compare(store, seed=seed, count=count)
            print(f"{count} filters agree, seed {seed}, {time.monotonic() - begun_at:.0f} s: {dict(seen)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=19)
    flags = parser.parse_args()
    asyncio.run(_main(flags.count, flags.seed))
