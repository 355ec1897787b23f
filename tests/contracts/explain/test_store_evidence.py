"""What every VimStore reads for explanations: all of one moment, as far as the caller may know it."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest

from tests.support.sql.stores import elapse, record, registration, report
from vimesh.domain.access.caller import OPEN_CALLER
from vimesh.domain.errors import VimNotFound
from vimesh.domain.explain.explain_vim import explain
from vimesh.domain.explain.vim_evidence import RoundTotals, VimEvidence
from vimesh.domain.history.history_store import DigestDelivery
from vimesh.domain.history.round_digests import record_of
from vimesh.domain.pool.pool_members import PoolPlace
from vimesh.domain.probing import ProbePolicy, Reason
from vimesh.domain.todos import TodoKind
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Engine, Modification, Status, Vim
from vimesh.store.explain import read_evidence


async def evidence_of(store: VimStore, vim: Vim) -> VimEvidence:
    return await store.explanations.read_evidence(vim.id)


async def test_a_vim_is_read_with_its_lease_its_monitor_and_its_past(store: VimStore) -> None:
    vim = await store.register(registration())
    monitor_id = str(uuid.uuid4())
    await store.pool.join(monitor_id, PoolPlace(), "", monitor_id)
    await record(store, [report(vim, Status.REACHABLE)])
    await record(store, [report(vim, Status.UNREACHABLE, reason="DNS")])
    minute = int((await store.clock()).timestamp()) // 60 - 1
    digest = record_of(minute, [0.002, 0.004], failed=1, lost=5)
    await store.history.record_digests([DigestDelivery(vim.id, vim.monitor.action_id, digest)])

    evidence = await evidence_of(store, vim)

    assert evidence.vim == await store.get(vim.id)
    [lease] = evidence.leases
    assert (lease.has_reported, lease.is_running, lease.end_time) == (True, True, evidence.vim.valid_until)
    [duty] = evidence.duties
    assert (duty.monitor_id, duty.is_alive, duty.living_monitors, duty.vantage) == (monitor_id, True, 1, "default")
    assert [(one.previous_status, one.status) for one in evidence.changes] == [
        (Status.REACHABLE, Status.UNREACHABLE),
        (Status.PENDING, Status.REACHABLE),
    ]
    assert evidence.rounds is not None
    assert (evidence.rounds.rounds, evidence.rounds.answered, evidence.rounds.lost) == (3, 2, 5)
    assert evidence.rounds.sum_s == pytest.approx(0.006)
    assert abs((evidence.as_of - await store.clock()).total_seconds()) < 60


async def test_each_vantage_is_read_and_what_is_silent_is_silent(store: VimStore) -> None:
    policy = ProbePolicy(vantages=("eu", "us"), quorum=2)
    vim = await store.get((await store.register(registration(policy=policy))).id)
    await record(store, [report(vim, action_id=vim.views[0].action_id)], contact_within_s=20.0)
    await elapse(store, 70)

    evidence = await evidence_of(store, vim)

    assert [(one.vantage, one.has_reported, one.is_running) for one in evidence.leases] == [
        ("eu", True, False),
        ("us", False, False),
    ]
    assert [one.vantage for one in evidence.duties] == ["eu", "us"]
    assert next((view.status, view.reason) for view in evidence.vim.views) == (Status.UNKNOWN, Reason.SILENT)
    assert "QUORUM" in {claim.kind for claim in explain(evidence, contact_within_s=5).claims}


async def test_tasks_are_read_in_their_order_and_what_is_dropped_is_void(store: VimStore) -> None:
    vim = await store.register(registration(engine=Engine.MISTRAL))
    [claimed] = await store.claim_todos("api", 1, 60.0)
    await store.modify(vim.id, Modification(auth_url="http://192.0.2.77/"))

    evidence = await evidence_of(store, vim)

    assert [(one.kind, one.is_void, one.is_claimed, one.attempts) for one in evidence.tasks] == [
        (TodoKind.START, True, True, 1),
        (TodoKind.START, False, False, 0),
        (TodoKind.STOP, False, False, 0),
    ]
    assert claimed.action_id == evidence.tasks[0].action_id == evidence.tasks[2].action_id
    assert all(one.create_time is not None for one in evidence.tasks)
    await elapse(store, 70)
    assert not (await evidence_of(store, vim)).tasks[0].is_claimed


# On servers, readers run in the loop itself: nothing else could be done meanwhile.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_vim_that_changes_meanwhile_is_read_anew(store: VimStore, monkeypatch: pytest.MonkeyPatch) -> None:
    vim = await store.register(registration())
    await record(store, [report(vim, Status.REACHABLE)])
    loop, count_rounds = asyncio.get_running_loop(), read_evidence._rounds
    changes = [Status.UNREACHABLE, Status.UNKNOWN]

    def change_and_count(*arguments: Any) -> RoundTotals | None:  # noqa: ANN401 - as they come
        """Let the VIM change after its row was read, twice."""
        if changes:
            said = report(vim, changes.pop(0), reason="DNS")
            asyncio.run_coroutine_threadsafe(record(store, [said]), loop).result(30)
        return count_rounds(*arguments)

    monkeypatch.setattr(read_evidence, "_rounds", change_and_count)
    evidence = await evidence_of(store, vim)

    assert (evidence.vim.status, evidence.vim.revision) == (Status.UNKNOWN, (await store.get(vim.id)).revision)
    assert [one.status for one in evidence.changes] == [Status.UNKNOWN, Status.UNREACHABLE, Status.REACHABLE]


async def test_a_vim_of_another_project_is_not_there(store: VimStore) -> None:
    vim = await store.register(registration(project_id="a"))

    for projects in (frozenset({"b"}), frozenset[str]()):
        with pytest.raises(VimNotFound):
            await store.explanations.read_evidence(vim.id, replace(OPEN_CALLER, projects=projects))
    with pytest.raises(VimNotFound):
        await store.explanations.read_evidence(str(uuid.uuid4()))
