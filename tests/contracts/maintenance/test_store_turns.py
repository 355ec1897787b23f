"""The spans of a window are written in short transactions, and nothing is lost if they are interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from tests.support.sql.maintenance import hours, keep_up, new_window, spans, told
from tests.support.sql.stores import LOCK_TIMEOUT_S, registration, sqlite_url, store_at
from vimesh.domain.access.caller import OPEN_CALLER
from vimesh.domain.errors import Overloaded
from vimesh.domain.events import EventKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification
from vimesh.store.maintenance import cut_spans, follow_vims, plan_spans, read_windows, sql_maintenance_store
from vimesh.store.maintenance import keep_up as keep_up_work
from vimesh.store.schema.timestamps import micros_of


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_spans, "VIMS_AT_ONCE", 3)
    monkeypatch.setattr(cut_spans, "SPANS_AT_ONCE", 3)


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process that creates or ends a window end after its first transaction."""
    monkeypatch.setattr(sql_maintenance_store, "_TURNS_S", 0.0)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls write all spans, however busy the machine is."""
    monkeypatch.setattr(sql_maintenance_store, "_TURNS_S", 60.0)


@pytest.mark.usefixtures("patient")
async def test_all_vims_have_their_turn_before_the_call_returns(store: VimStore) -> None:
    vims = [await store.register(registration()) for _ in range(10)]

    created = await store.maintenance.create(new_window('name = "*"'))

    assert created.vim_count == 10
    assert [span[0] for span in sorted(await spans(store))] == sorted(vim.id for vim in vims)
    assert all(vim.maintenance for vim in await store.vims_after("", 100))


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize("delay", [0, 1])
async def test_another_conductor_goes_on_where_one_was_killed(store: VimStore, database_url: str, delay: int) -> None:
    vims = [await store.register(registration(labels={"region": "eu"})) for _ in range(10)]
    start = await store.clock() + hours(delay) if delay else None
    window = (await store.maintenance.create(new_window("labels.region = eu", start=start))).window
    assert await spans(store) == []
    before, planned, late = vims[0], vims[1], vims[9]

    # The first three have had their turn when VIMs change, come and go.
    assert await store.maintenance.keep_up(0)
    assert len(await spans(store)) == 3
    moved = [await store.modify(vim.id, Modification(labels={"region": "us"})) for vim in (before, late)]
    changed = await store.modify(vims[8].id, Modification(description="x"))
    new = await store.register(registration(labels={"region": "eu"}))
    await store.deregister(planned.id)
    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        await keep_up(other)

    begin, last = window.times.start, micros_of(window.times.start + window.times.duration)
    rest = {vim.id: begin for vim in vims[2:8]}
    # What was changed before its turn is in maintenance from then on, if the window had started.
    rest[changed.id] = begin if delay else changed.update_time
    rest[new.id] = begin if delay else new.create_time
    found = {vim_id: start for vim_id, _, start, end in await spans(store) if end == last}
    assert found == {vim_id: micros_of(time) for vim_id, time in rest.items()}
    cut = {vim_id: end for vim_id, _, _, end in await spans(store) if vim_id not in rest}
    assert cut.get(before.id) == (None if delay else micros_of(moved[0].update_time))
    assert late.id not in cut


async def test_large_changes_are_followed_in_several_turns(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow_vims, "_DOCUMENTS_AT_ONCE", 1)
    monkeypatch.setattr(follow_vims, "_DOCUMENT_BYTES", 0)
    window = (await store.maintenance.create(new_window('name = "a*"'))).window
    vims = [await store.register(registration(name=f"{name}-{number}")) for number in range(3) for name in "ab"]
    gone = vims.pop(2)
    await store.deregister(gone.id)

    assert await store.maintenance.keep_up(100)
    await keep_up(store)

    last = micros_of(window.times.start + window.times.duration)
    found = {vim_id: (start, end == last) for vim_id, _, start, end in await spans(store)}
    begun = {vim.id: micros_of(vim.create_time) for vim in (gone, *vims) if vim.name.startswith("a")}
    assert found == {vim_id: (start, vim_id != gone.id) for vim_id, start in begun.items()}


@pytest.mark.usefixtures("killed")
async def test_a_window_of_few_vims_takes_one_turn(store: VimStore) -> None:
    for number in range(10):
        await store.register(registration(labels={"region": "eu" if number in (4, 9) else "us"}))
    await store.maintenance.create(new_window("labels.region = eu"))

    assert not await store.maintenance.keep_up(100)

    assert len(await spans(store)) == 2


@pytest.mark.usefixtures("killed")
async def test_what_begins_first_has_its_turn_first(store: VimStore) -> None:
    await store.register(registration())
    starts = [await store.clock() + hours(delay) for delay in (20, 5, 15, 1, 10)]
    windows = [(await store.maintenance.create(new_window('name = "*"', start=start))).window for start in starts]

    planned: list[str] = []
    for _ in windows:
        await store.maintenance.keep_up(0)
        planned += {span[1] for span in await spans(store)} - set(planned)

    assert planned == [window.id for _, window in sorted(zip(starts, windows, strict=True), key=lambda pair: pair[0])]


async def test_a_window_that_is_stored_is_no_error(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would know of it, and who tries again would have two."""
    await store.register(registration())

    def refuse(*_: object) -> bool:
        raise Overloaded

    with monkeypatch.context() as busy:
        busy.setattr(keep_up_work, "plan_next", refuse)
        created = await store.maintenance.create(new_window('name = "*"'))
    await keep_up(store)

    assert created.vim_count == 1
    assert [span[1] for span in await spans(store)] == [created.window.id]


@pytest.mark.usefixtures("killed")
async def test_a_turn_does_not_look_at_the_spans_of_those_before(tmp_path: Path) -> None:
    """Otherwise the turns of a window of 100,000 VIMs would become longer and longer."""
    statements: list[tuple[str, tuple[object, ...]]] = []

    def note(_c: object, _cursor: object, sql: str, parameters: tuple[object, ...], *_: object) -> None:
        statements.append((sql, parameters))

    def explained(connection: Connection) -> list[str]:
        event.listen(connection, "before_cursor_execute", note)
        keep_up_work.plan_next(connection, window.id)
        [(sql, parameters)] = [one for one in statements if one[0].startswith("INSERT INTO maintenance_spans")]
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters)]

    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        for _ in range(7):
            await store.register(registration())
        window = (await store.maintenance.create(new_window('name = "*"'))).window
        await store.maintenance.keep_up(0)
        plan = await store._database.write(explained)

    [search] = [step for step in plan if "maintenance_spans" in step]
    assert "vim_id=?" in search


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("delay", [0, 1])
async def test_all_spans_are_cut_before_the_call_returns(store: VimStore, delay: int) -> None:
    for _ in range(10):
        await store.register(registration())
    start = await store.clock() + hours(delay) if delay else None
    new = new_window('name = "*"', start=start, rule="FREQ=DAILY")
    window = (await store.maintenance.create(new)).window
    assert len(await spans(store)) == (10 if delay else 20)

    ended = await store.maintenance.end(window.id)

    assert ended.ended_time is not None
    begun = 0 if delay else 10
    assert [span[3] for span in await spans(store)] == [micros_of(ended.ended_time)] * begun
    assert not any(vim.maintenance for vim in await store.vims_after("", 100))


async def test_another_conductor_cuts_the_spans_that_one_left(
    store: VimStore, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often they are killed: the spans end when the window did, and watchers are told once."""
    vims = [await store.register(registration(labels={"region": "eu"})) for _ in range(12)]
    window = (await store.maintenance.create(new_window("labels.region = eu"))).window
    await keep_up(store)
    monkeypatch.setattr(sql_maintenance_store, "_TURNS_S", 0.0)

    ended = (await store.maintenance.end(window.id)).ended_time
    assert ended is not None
    maintained = [vim.id for vim in await store.vims_after("", 100) if vim.maintenance]
    assert len(maintained) == 9
    await store.modify(maintained[0], Modification(labels={"region": "us"}))
    gone = {maintained[1], next(vim.id for vim in vims if vim.id not in maintained)}
    for vim_id in gone:
        await store.deregister(vim_id)
    late = await store.register(registration(labels={"region": "eu"}))
    while True:
        async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
            if not await other.maintenance.keep_up(2):
                break

    assert {span[3] for span in await spans(store)} == {micros_of(ended)}
    assert len(await spans(store)) == len(vims)
    assert await spans(store, late.id) == []
    for vim in vims:
        kinds = [one.kind for one in await told(store, vim.id)]
        assert kinds == [EventKind.MAINTENANCE_STARTED] + [EventKind.MAINTENANCE_ENDED] * (vim.id not in gone)
    assert await store.maintenance.list_windows(10, "") == ([], "")


async def test_a_window_can_end_while_its_spans_are_written(
    store: VimStore, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        await store.register(registration())
    with monkeypatch.context() as killed:
        killed.setattr(sql_maintenance_store, "_TURNS_S", 0.0)
        window = (await store.maintenance.create(new_window('name = "*"'))).window
        await store.maintenance.keep_up(0)
        assert len(await spans(store)) == 3
        ended = (await store.maintenance.end(window.id)).ended_time

    async with store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other:
        await keep_up(other)

    assert ended is not None
    assert [span[3] for span in await spans(store)] == [micros_of(ended)] * 3
    assert await store.maintenance.list_windows(10, "") == ([], "")


async def test_a_window_is_over_though_a_vim_went_before_anyone_was_told(store: VimStore) -> None:
    vim = await store.register(registration())
    window = (await store.maintenance.create(new_window('name = "*"'))).window
    await keep_up(store)
    await store.maintenance.end(window.id)
    await store.deregister(vim.id)

    await keep_up(store)

    assert await store.maintenance.list_windows(10, "") == ([], "")


async def test_cutting_does_not_look_at_other_spans_again(tmp_path: Path) -> None:
    """Otherwise each transaction would take as long as one for all."""
    statements: list[tuple[str, tuple[object, ...]]] = []

    def note(_c: object, _cursor: object, sql: str, parameters: tuple[object, ...], *_: object) -> None:
        statements.append((sql, parameters))

    def explained(connection: Connection) -> list[str]:
        event.listen(connection, "before_cursor_execute", note)
        keep_up_work.cut_next(connection)
        of_spans = [one for one in statements if "maintenance_spans" in one[0]]
        plans = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", parameters) for sql, parameters in of_spans]
        return [row[3] for plan in plans for row in plan if "maintenance_spans" in row[3]]

    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        for _ in range(7):
            await store.register(registration())
        start = await store.clock() + hours(1)
        window = (await store.maintenance.create(new_window('name = "*"', start=start))).window
        await store._database.write(lambda c: read_windows.end(c, window.id, OPEN_CALLER))
        searches = await store._database.write(explained)

    assert len(searches) == 3
    assert all("maintenance_id=? AND end_time>?" in one for one in searches[:2])
    assert "vim_id=? AND maintenance_id=?" in searches[2]
