"""Makes the evidence of each state that a VIM can be in, with the state of the model beside it."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from dataclasses import replace

from tests.simulation.explanations.true_state import TrueLook, TrueMonitor, TrueTask, TrueVim, TrueWorld
from vimesh.domain.explain.vim_evidence import ActionLease, MonitorDuty, OpenTask, VimEvidence
from vimesh.domain.pool.assignment import Assignment, Member
from vimesh.domain.probing import ProbePolicy, Reason
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import Engine, Monitor, MonitorState, Status, View, Vim

NOW = dt.datetime(2026, 10, 1, 12, 0, 0, tzinfo=dt.UTC)
VIM_ID = "5f3c5b0e-7a3c-4a0e-9b57-0d3f1f6b8a11"
ACTION_ID, OTHER_ID = "0b7d3a52-30f2-4a55-8d3e-1f8a4a4f6c01", "0b7d3a52-30f2-4a55-8d3e-1f8a4a4f6c02"
MONITOR_ID = "9a0d3a52-30f2-4a55-8d3e-1f8a4a4f6c0a"
LEASE_S = 60.0
VERDICTS = (
    (Status.REACHABLE, ""),
    *(
        (Status.UNREACHABLE, reason)
        for reason in (
            *(Reason.TIMEOUT, Reason.REFUSED, Reason.RESET, Reason.HOST_UNREACHABLE, Reason.NET_UNREACHABLE),
            *(Reason.DNS, Reason.TLS, Reason.PROTOCOL, "HTTP_503", "ODD_WORD"),
        )
    ),
    *(
        (Status.UNKNOWN, reason)
        for reason in (
            *(Reason.LOCAL_NO_ROUTE, Reason.LOCAL_NETWORK, Reason.LOCAL_PERMISSION, Reason.LOCAL_DENIED),
            *(Reason.LOCAL_RESOURCES, Reason.LOCAL_RESOLVER, Reason.LOCAL_DEFECT, Reason.LOCAL_STUCK),
            *(Reason.LOCAL_SET_ASIDE, "LOCAL_ODD_WORD", Reason.DISPUTED),
        )
    ),
)
"""What an action can say."""


def look(
    status: Status = Status.PENDING, reason: str = "", *, heard: bool = True, runs: bool = True, vantage: str = ""
) -> TrueLook:
    """Return an action that said this last: `heard`, it has reported; `runs`, its time is not over."""
    end = NOW.timestamp() + (LEASE_S if runs else -LEASE_S)
    action_id = OTHER_ID if vantage == "us" else ACTION_ID
    return TrueLook(vantage, action_id, end, status, reason, heard=heard, holds=heard and status is not Status.PENDING)


def world(*looks: TrueLook, engine: Engine = Engine.EMBEDDED, policy: ProbePolicy | None = None) -> TrueWorld:
    vantages = tuple(each.vantage for each in looks if each.vantage)
    given = policy or ProbePolicy(rise=2, vantages=vantages)
    return TrueWorld(TrueVim(VIM_ID, "lab", engine, given, list(looks)))


def worlds() -> Iterator[TrueWorld]:
    """Yield a VIM in each state: what it said, its engine, its time, who could run it."""
    silent = (Status.UNKNOWN, Reason.SILENT)
    for engine, (status, reason), runs in itertools.product(Engine, VERDICTS, (True, False)):
        yield world(look(status, reason, runs=runs), engine=engine)
    for engine, (status, reason), runs in itertools.product(Engine, ((Status.PENDING, ""), silent), (True, False)):
        yield world(look(status, reason, heard=False, runs=runs), engine=engine)
    pending = world(look(heard=False), engine=Engine.MISTRAL)
    for attempts, error, claim in ((0, "", None), (3, "Mistral does not answer", None), (2, "", ("a", "b"))):
        task = TrueTask(TodoKind.START, ACTION_ID, NOW.timestamp() + 30, attempts, error, claim)
        yield TrueWorld(replace(pending.vim, tasks=[task]))
    for monitors in (
        [TrueMonitor(MONITOR_ID, "default", NOW.timestamp() + 9)],
        [TrueMonitor(MONITOR_ID, "default", NOW.timestamp() - 9)],
        [TrueMonitor(MONITOR_ID, "default", NOW.timestamp() + 9, draining=True)],
        [
            TrueMonitor(f"{MONITOR_ID[:-1]}{number}", "default", NOW.timestamp() + number * 9 - 20)
            for number in range(5)
        ],
    ):
        for one in (look(Status.REACHABLE), look(heard=False), look(Status.REACHABLE, runs=False)):
            yield TrueWorld(world(one).vim, monitors)
    said = ((Status.REACHABLE, ""), (Status.UNREACHABLE, Reason.TIMEOUT), silent, (Status.PENDING, ""))
    for (first, second), quorum in itertools.product(itertools.product(said, repeat=2), (0, 1, 2)):
        looks = [look(*one, heard=one[0] not in {Status.PENDING, Status.UNKNOWN}) for one in (first, second)]
        looks = [replace(one, vantage=name) for one, name in zip(looks, ("eu", "us"), strict=True)]
        yield world(*looks, policy=ProbePolicy(vantages=("eu", "us"), quorum=quorum))


def evidence_of(of_world: TrueWorld) -> VimEvidence:
    """Return what a store would have read of it."""
    vim, now = of_world.vim, NOW.timestamp()
    status, reason = vim.reading(now)
    first = vim.looks[0]
    ends = [each.end for each in vim.looks if each.holds]
    contact = NOW - dt.timedelta(seconds=20) if any(each.heard for each in vim.looks) else None
    phase = MonitorState.RUNNING if first.heard else MonitorState.STARTING
    return VimEvidence(
        as_of=NOW,
        vim=Vim(
            id=VIM_ID,
            project_id="default",
            name=vim.name,
            description="",
            type="openstack",
            auth_url="http://192.0.2.1:5000/v3",
            vim_project={},
            auth_cred={},
            is_default=False,
            placement_attr={},
            extra={},
            etag="",
            create_time=NOW,
            update_time=NOW,
            policy=vim.policy,
            status=status,
            reason=reason,
            detail="",
            round_trip_s=None,
            status_time=NOW - dt.timedelta(minutes=3),
            valid_until=_moment(min(ends)) if vim.has_views and ends else _moment(first.end) if first.heard else None,
            monitor=Monitor(
                vim.engine,
                "" if vim.has_views else first.action_id,
                MonitorState.WAITING if vim.is_waiting() else phase if first.runs(now) else MonitorState.SILENT,
                "",
                contact,
            ),
            revision=7,
            views=tuple(_view(each) for each in vim.looks) if vim.has_views else (),
        ),
        leases=[ActionLease(each.vantage, _moment(each.end), each.heard, each.runs(now)) for each in vim.looks],
        holds=any(each.holds for each in vim.looks),
        duties=[_duty(of_world, each) for each in vim.looks] if vim.engine is Engine.EMBEDDED else [],
        tasks=[
            OpenTask(
                task.kind,
                task.action_id,
                is_void=task not in vim.open_tasks(),
                attempts=task.attempts,
                error=task.error,
                due_time=_moment(task.due),
                is_claimed=task.is_claimed(now),
                create_time=NOW - dt.timedelta(minutes=5),
            )
            for task in vim.tasks
        ],
    )


def _view(one: TrueLook) -> View:
    status, reason = one.reading(NOW.timestamp())
    valid_until = _moment(one.end) if one.heard else None
    return View(one.vantage, status, reason, "", NOW - dt.timedelta(minutes=3), valid_until, one.action_id)


def _duty(of_world: TrueWorld, one: TrueLook) -> MonitorDuty:
    vantage, now = one.vantage or "default", NOW.timestamp()
    there = of_world.monitors_at(vantage)
    living = [each for each in there if each.end > now]
    owner_id = Assignment([Member(each.monitor_id, 1, each.draining) for each in there]).owner_of(VIM_ID)
    owner = next((each for each in there if each.monitor_id == owner_id), None)
    return MonitorDuty(
        vantage,
        owner_id,
        is_alive=owner in living,
        is_draining=owner is not None and owner.draining,
        has_living=bool(living),
        lease_end=None if owner is None else _moment(owner.end),
        monitors=len(there),
        living_monitors=len(living),
    )


def _moment(time: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(time, dt.UTC)
