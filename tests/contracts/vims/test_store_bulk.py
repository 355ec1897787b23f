"""Registering many VIMs in one call is registering them one after the other, in one transaction."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from tests.support.sql.stores import KEY, LOCK_TIMEOUT_S, changes_in, registration, sqlite_url, store_at
from vimesh.domain.errors import (
    BadInput,
    DefaultTaken,
    NameTaken,
    RequestIdReused,
    VimeshError,
    VimIdTaken,
    VimNotFound,
)
from vimesh.domain.events import EventKind
from vimesh.domain.todos import TodoKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Registered, Registration, Vim
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.schema.tables import requests, vims
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore

_OWN = ("id", "etag", "revision", "status_time", "create_time", "update_time")
IDS = [str(uuid.UUID(int=number)) for number in range(1, 5)]


async def registered(store: VimStore, wanted: Sequence[Registration]) -> list[Vim]:
    outcomes = await store.register_many(wanted)
    return [await store.get(one.vim_id) for one in outcomes if isinstance(one, Registered)]


def kinds(outcomes: Sequence[Registered | VimeshError]) -> list[type]:
    return [type(one) for one in outcomes]


async def test_many_are_stored_as_one_by_one_is(store: VimStore) -> None:
    wanted = [
        registration(
            name=f"vim {number} äÄ_%*😀'\\\" ",
            description="line\nline",
            extra={"number": number, "ratio": number / 3, "nothing": None},
            auth_cred={"password": "secret", "username": f"user-{number}"},
            engine=list(Engine)[number % 3],
            is_default=number == 7,
        )
        for number in range(500)
    ]

    vims = await registered(store, wanted)

    assert [vim.name for vim in vims] == [one.name for one in wanted]
    for vim, one in zip(vims[:9], wanted, strict=False):
        alone = await store.register(replace(one, project_id="another"))
        assert comparable(vim) == comparable(replace(alone, project_id=vim.project_id))


async def test_they_commit_together_with_an_event_each_and_their_to_dos(store: VimStore) -> None:
    """G8, G9."""
    before = (await store.span()).newest

    vims = await registered(store, [registration(engine=Engine.MISTRAL) for _ in range(20)])

    events = await store.events_after(before, 100)
    assert [event.revision for event in events] == list(range(before + 1, before + 21))
    assert [(event.kind, event.vim) for event in events] == [(EventKind.REGISTERED, vim) for vim in vims]
    todos = await store.claim_todos("driver", 100, 60)
    assert [(todo.kind, todo.vim_id, todo.action_id) for todo in todos] == [
        (TodoKind.START, vim.id, vim.monitor.action_id) for vim in vims
    ]


async def test_a_refused_one_keeps_no_other_from_being_stored(store: VimStore) -> None:
    there = await store.register(registration(name="there", is_default=True, vim_id=IDS[0]))
    used = await store.register(registration(name="used", request_id=IDS[0]))

    outcomes = await store.register_many(
        [
            registration(name="one"),
            registration(name="there"),
            registration(name="one"),
            registration(is_default=True),
            registration(vim_id=IDS[0]),
            registration(auth_cred={"password": "***"}),
            registration(name="other", request_id=IDS[0]),
            registration(name="used", request_id=IDS[0]),
            registration(name="there", project_id="another", is_default=True),
            registration(name="two"),
            registration(name="three", project_id="another", is_default=True),
        ]
    )

    assert kinds(outcomes) == [
        *(Registered, NameTaken, NameTaken, DefaultTaken, VimIdTaken, BadInput, RequestIdReused),
        *(Registered, Registered, Registered, DefaultTaken),
    ]
    assert outcomes[7] == Registered(used.id, repeated=True)
    assert {vim.name for vim in await store.vims_after("", 100)} == {"there", "used", "one", "two"}
    assert await store.get(there.id) == there
    assert await changes_in(store) == 5


async def test_a_repeat_makes_no_second_vim(store: VimStore) -> None:
    wanted = [registration(request_id=str(uuid.uuid4()), auth_cred={"password": str(n)}) for n in range(50)]
    first = await store.register_many(wanted)

    again = await store.register_many([*reversed(wanted), *wanted])

    ids = [one.vim_id for one in first if isinstance(one, Registered)]
    assert again == [Registered(vim_id, repeated=True) for vim_id in (*reversed(ids), *ids)]
    assert await store.count_vims() == 50


async def test_of_two_calls_at_once_each_name_goes_to_one(store: VimStore, database_url: str) -> None:
    wanted = [registration(name=f"vim-{number}") for number in range(200)]
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        calls = await asyncio.gather(
            store.register_many(wanted[:150]),
            other.register_many(wanted[50:]),
            store.register_many(wanted[100:]),
        )

    assert await store.count_vims() == 200
    outcomes = [outcome for call in calls for outcome in call]
    assert sum(isinstance(outcome, Registered) for outcome in outcomes) == 200
    assert {type(outcome) for outcome in outcomes} == {Registered, NameTaken}


async def test_a_taken_name_is_found_whatever_is_in_it(store: VimStore) -> None:
    names = ["'", '"', "\\", "[", "1", "1.0", "null", "a", "a ", "A", "ä", "😀", "%", "\u2028"]
    half = await store.register_many([registration(name=name, project_id=name) for name in names[::2]])

    outcomes = await store.register_many([registration(name=name, project_id=name) for name in names])

    assert kinds(half) == [Registered] * 7
    assert kinds(outcomes) == [NameTaken, Registered] * 7


async def test_none_is_nothing(store: VimStore) -> None:
    assert await store.register_many([]) == []
    assert await changes_in(store) == 0


WANTED = st.builds(
    registration,
    name=st.sampled_from(["a", "b", "a ", "c", "d"]),
    project_id=st.sampled_from(["red", "red", "blue"]),
    is_default=st.booleans(),
    vim_id=st.sampled_from(["", "", "", *IDS[:2]]),
    request_id=st.sampled_from(["", "", *IDS]),
    auth_cred=st.sampled_from([{}, {}, {"password": "one"}, {"password": "***"}]),
    engine=st.sampled_from(Engine),
)
GONE = st.integers(0, 3)
A_DAY = st.none()


def _steps(pool: list[Registration]) -> st.SearchStrategy[list[list[Registration] | int | None]]:
    batch = st.lists(st.sampled_from(pool), min_size=3, max_size=8)
    return st.lists(st.one_of(batch, batch, GONE, A_DAY), min_size=4, max_size=12)


STEPS = st.lists(WANTED, min_size=4, max_size=8).flatmap(_steps)
"""Batches of the same few; between them a VIM is deregistered, or a day goes by, and request ids are forgotten."""


@pytest.mark.timeout(180)
@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_a_batch_is_one_registration_after_the_other(
    tmp_path_factory: pytest.TempPathFactory, steps: list[list[Registration] | int | None]
) -> None:
    folder = tmp_path_factory.mktemp("both")

    async def compare() -> None:
        async with AsyncExitStack() as opened:
            stores = [await opened.enter_async_context(store_at(sqlite_url(folder / name))) for name in ("many", "one")]
            many, one = (Site(store) for store in stores)
            for step in steps:
                match step:
                    case None:
                        await asyncio.gather(many.a_day(), one.a_day())
                    case int():
                        await asyncio.gather(many.deregister(step), one.deregister(step))
                    case batch:
                        assert await many.register_many(batch) == await one.register_each(batch)
            assert await many.state() == await one.state()

    asyncio.run(compare())


class Site:
    """A store whose VIMs are told apart by the order in which they came: most ids are random."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._order: list[str] = []

    async def register_many(self, batch: Sequence[Registration]) -> list[object]:
        said = await self._store.register_many(batch)
        return [repr(one) if isinstance(one, VimeshError) else self._known(one.vim_id, one.repeated) for one in said]

    async def register_each(self, batch: Sequence[Registration]) -> list[object]:
        said: list[object] = []
        for one in batch:
            before = await changes_in(self._store)
            try:
                vim = await self._store.register(one)
            except VimeshError as error:
                said.append(repr(error))
            else:
                said.append(self._known(vim.id, await changes_in(self._store) == before))
        return said

    def _known(self, vim_id: str, repeated: bool) -> tuple[int, bool]:
        # One that is registered anew with the id of one that is gone has its place.
        if vim_id not in self._order:
            self._order.append(vim_id)
        return self._order.index(vim_id), repeated

    async def deregister(self, place: int) -> None:
        with suppress(VimNotFound, IndexError):
            await self._store.deregister(self._order[place])

    async def a_day(self) -> None:
        older = update(requests).values(create_time=requests.c.create_time - micros(25 * 3600))
        await self._store._database.write(lambda connection: connection.execute(older))

    async def state(self) -> list[object]:
        """Return all that is stored."""
        cipher = Cipher([KEY])

        def kept(connection: Connection) -> list[object]:
            secrets = connection.execute(select(vims.c.id, vims.c.secrets))
            asked = connection.execute(select(requests.c.request_id, requests.c.vim_id, requests.c.fingerprint))
            return [
                {self._order.index(vim_id): cipher.decrypt(sealed) for vim_id, sealed in secrets},
                {of: (self._order.index(vim_id), cipher.decrypt(sealed)) for of, vim_id, sealed in asked},
            ]

        return [
            *await self._store._database.read(kept),
            sorted(self._shown(vim) for vim in await self._store.vims_after("", 100)),
            [
                (event.revision, event.kind, self._order.index(event.vim_id), event.vim and self._shown(event.vim))
                for event in await self._store.events_after(1, 100)
            ],
            [(todo.kind, self._order.index(todo.vim_id)) for todo in await self._store.claim_todos("driver", 100, 60)],
        ]

    def _shown(self, vim: Vim) -> tuple[int, str]:
        return self._order.index(vim.id), repr(comparable(vim))


def comparable(vim: Vim) -> dict[str, object]:
    """Leave out what is another one each time."""
    plain = asdict(vim)
    plain["monitor"].pop("action_id")
    return {name: value for name, value in plain.items() if name not in _OWN}
