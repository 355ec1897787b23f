"""`vimesh causes` shows what VIMs have in common that were lost together, and `vim show` says it of each."""

from __future__ import annotations

import uuid

import pytest

from tests.support.callers.commands import AsyncUser
from tests.support.causes.lost_vims import hosts, lose, registered
from vimesh.domain.causes.causes import NewCause
from vimesh.domain.causes.traits import trait_of_subject
from vimesh.domain.vims import CauseKind, Vim
from vimesh.store.causes import cause_rows
from vimesh.store.sql_store import SqlStore

HOLDER = str(uuid.uuid4())


@pytest.fixture
async def vims(store: SqlStore) -> list[Vim]:
    return await registered(store, *hosts("198.51.100", 3))


@pytest.fixture
async def cause_id(store: SqlStore, vims: list[Vim], monkeypatch: pytest.MonkeyPatch) -> str:
    # The conductor looks for causes, too: it does not get the turn in the time of a test.
    monkeypatch.setattr(cause_rows, "TURN_S", 3600.0)
    assert await store.causes.take_turn(HOLDER)
    await lose(store, vims)
    members = (await store.causes.recent_changes(0, 10)).members
    cause = NewCause(str(uuid.uuid4()), trait_of_subject(CauseKind.NETWORK, "198.51.100.0/24", ""), "TIMEOUT", 125.0, 4)
    assert await store.causes.begin(HOLDER, cause)
    assert await store.causes.add_vims(HOLDER, cause.id, members)
    return cause.id


async def test_causes_are_listed_until_they_end(user: AsyncUser, store: SqlStore, cause_id: str) -> None:
    table = await user("causes", "list")
    [shown] = (await user("causes", "list", "-o", "json")).json
    wide = await user("causes", "list", "-o", "wide", "--no-headers")
    assert await store.causes.end(HOLDER, [cause_id])
    lasting, everything = await user("causes", "list", "-o", "name"), await user("causes", "list", "-a", "-o", "name")

    titles, row = table.out.splitlines()
    assert titles.split() == ["ID", "KIND", "SUBJECT", "REASON", "AFFECTED", "VIMS", "SINCE"]
    assert row.split() == [cause_id, "NETWORK", "198.51.100.0/24", "TIMEOUT", "3", "3", "2m"]
    assert (shown["id"], shown["kind"], shown["vim_count"]) == (cause_id, "NETWORK", 3)
    assert wide.out.split()[-1] == "4"
    assert (lasting.out, everything.out.split()) == ("", [cause_id])


async def test_a_cause_is_shown_with_its_vims(user: AsyncUser, vims: list[Vim], cause_id: str) -> None:
    table = await user("causes", "show", cause_id)
    document = (await user("causes", "show", cause_id, "-o", "json")).json

    names = sorted(vim.name for vim in vims)
    fields = dict(line.split(maxsplit=1) for line in table.out.splitlines())
    assert (fields["kind"], fields["subject"], fields["vims"].split()) == ("NETWORK", "198.51.100.0/24", names)
    assert [vim["name"] for vim in document["vims"]] == names


async def test_a_vim_says_its_cause(user: AsyncUser, vims: list[Vim], cause_id: str) -> None:
    document = (await user("vim", "show", vims[0].id, "-o", "json")).json
    text = await user("vim", "show", vims[0].id)

    assert document["cause"] == {"cause_id": cause_id, "kind": "NETWORK", "subject": "198.51.100.0/24"}
    fields = dict(line.split(maxsplit=1) for line in text.out.splitlines() if line.startswith("cause."))
    assert fields["cause.subject"] == "198.51.100.0/24"


async def test_a_cause_that_is_not_there_is_named(user: AsyncUser) -> None:
    ended = await user("causes", "show", unknown := str(uuid.uuid4()))

    assert ended.code != 0
    assert f"no cause has the id {unknown}" in ended.err
