"""The same written to every database, and read from it, is the same."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from pathlib import Path

from tests.support.sql.databases import POOLED, empty
from tests.support.sql.stores import elapse, record, registration, report, sqlite_url, store_at
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.leases import lease_s
from vimesh.domain.queries import VimQuery, parse_order
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Modification, Status, Vim

_OWN = ("status_time", "valid_until", "create_time", "update_time", "etag", "contact_time", "time", "detail")
"""What each database, or each run, makes for itself."""
_FILTERS = (
    "",
    "status = UNREACHABLE",
    'name = "vim-1*"',
    "is_default = true",
    "engine != EMBEDDED",
    "status != PENDING",
)


async def history(store: VimStore) -> list[object]:
    """Do something of everything; return all that can be read then."""
    vims = [
        await store.register(
            registration(
                vim_id=str(uuid.UUID(int=number)),
                name=f"vim-{number:02} {'äÄ_%*'[number % 5]}{' ' * (number % 2)}",
                extra={"number": number, "ratio": number / 3, "nothing": None},
                auth_cred={"password": "secret", "username": f"user-{number}"},
                is_default=number == 7,
                engine=list(Engine)[number % 3],
            )
        )
        for number in range(25)
    ]
    for turn, status in enumerate((Status.REACHABLE, Status.UNREACHABLE, Status.UNREACHABLE), 1):
        told = [vim for number, vim in enumerate(vims) if number % 4 >= turn - 1]
        await record(store, [report(vim, status, turn, reason="TIMEOUT", round_trip_s=0.123456789012) for vim in told])
    await store.modify(vims[3].id, Modification(description="another", extra={"a": [1, 2, {"b": True}]}))
    await store.modify(vims[4].id, Modification(auth_url="http://192.0.2.77/"))
    await store.modify(vims[5].id, Modification(engine=Engine.EMBEDDED))
    await store.deregister(vims[6].id)
    await elapse(store, lease_s(30.0) + 1)
    await store.record_lapses(100)
    await store.replace_silent(5)
    return [await _pages(store), await _events(store), [_comparable(vim) for vim in await store.vims_after("", 100)]]


async def _pages(store: VimStore) -> list[list[str]]:
    found: list[list[str]] = []
    for text in _FILTERS:
        for order in ("name", "name desc", "create_time", "create_time desc"):
            token = ""
            while True:
                query = VimQuery(parse_filter(text), parse_order(order), page_size=7, page_token=token)
                page = await store.list_vims(query)
                found.append([vim.name for vim in page.vims])
                token = page.next_page_token
                if not token:
                    break
    return found


async def _events(store: VimStore) -> list[object]:
    return [
        {
            **_plain(asdict(event)),
            "vim": _comparable(event.vim) if event.vim else None,
            "stops": bool(event.stopped_action_id),
        }
        for event in await store.events_after(1, 1000)
    ]


def _comparable(vim: Vim) -> object:
    return _plain(asdict(vim))


def _plain(value: dict[str, object]) -> dict[str, object]:
    """Leave out what is another one each time."""
    left = {name: inner for name, inner in value.items() if name not in (*_OWN, "action_id", "stopped_action_id")}
    return {name: _plain(inner) if isinstance(inner, dict) else inner for name, inner in left.items()}


async def test_every_database_tells_the_same(tmp_path: Path, servers: dict[str, str]) -> None:
    urls = {"sqlite": sqlite_url(tmp_path / "vimesh.sqlite"), **servers}
    told: dict[str, list[object]] = {}
    for kind, url in urls.items():
        if kind in servers:
            await empty(servers["postgresql" if kind in POOLED else kind])
        async with store_at(url) as store:
            told[kind] = await history(store)

    for kind, found in told.items():
        for mine, of_sqlite in zip(found, told["sqlite"], strict=True):
            assert mine == of_sqlite, kind
