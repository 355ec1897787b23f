"""Says what would change the status of a VIM: what has to be seen, what comes by itself, what somebody has to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from vimesh.domain.explain.claims import Facts, FactValue, ForeseenKind, PossibleChange
from vimesh.domain.explain.sentences import change_sentence
from vimesh.domain.explain.vim_evidence import ActionLease, MonitorDuty, VimEvidence
from vimesh.domain.probing import Reason
from vimesh.domain.views.quorum import Opinion, conclude
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import Engine, MonitorState, Status, Vim

_LOCAL: Final = "LOCAL_"


def foresee(evidence: VimEvidence) -> Iterator[PossibleChange]:
    """Yield what would change the status, what is seen first."""
    build = _Builder(evidence.as_of)
    vim = evidence.vim
    if vim.views:
        yield from _agreements(vim, build)
        if evidence.holds and (until := vim.valid_until) is not None and until > evidence.as_of:
            yield build(ForeseenKind.SILENCE, {"views": True}, time=until)
    else:
        yield from _of_one_action(evidence, evidence.leases[0], build)
    for duty in evidence.duties:
        if not duty.has_living:
            yield _monitor_start(duty, build)
    if vim.monitor.engine is Engine.EXTERNAL and not evidence.leases[0].is_running:
        command = f"vimesh vim set {vim.id} --engine EMBEDDED"
        yield build(ForeseenKind.ENGINE_CHANGE, {"engine": Engine.EMBEDDED.value}, command=command)
    yield from _next_task(evidence, build)
    if vim.monitor.engine is not Engine.EXTERNAL:
        yield from _replacements(evidence, build)


class _Builder:
    def __init__(self, as_of: dt.datetime) -> None:
        self._as_of = as_of

    def __call__(
        self,
        kind: ForeseenKind,
        facts: Facts,
        *,
        status: Status | None = None,
        time: dt.datetime | None = None,
        command: str = "",
    ) -> PossibleChange:
        sentence = change_sentence(kind, facts, self._as_of, status, time)
        return PossibleChange(kind, facts, sentence, status, time, command)


def _of_one_action(evidence: VimEvidence, lease: ActionLease, build: _Builder) -> Iterator[PossibleChange]:
    vim = evidence.vim
    engine = vim.monitor.engine
    if not (lease.has_reported and lease.is_running and evidence.holds):
        yield build(ForeseenKind.REPORT, {"engine": engine.value})
        return
    if engine is Engine.EXTERNAL:
        # What makes it report is its own affair.
        yield build(ForeseenKind.REPORT, {"engine": engine.value})
    else:
        yield from _verdicts(evidence, build)
    yield build(ForeseenKind.SILENCE, {"views": False}, status=Status.UNKNOWN, time=lease.end_time)


def _verdicts(evidence: VimEvidence, build: _Builder) -> Iterator[PossibleChange]:
    """Yield what the rounds of the action would have to see."""
    vim, policy = evidence.vim, evidence.vim.policy
    if vim.reason.startswith(_LOCAL):
        yield build(ForeseenKind.LOCAL_REMEDY, {"reason": vim.reason})
    if vim.status is not Status.REACHABLE:
        # What was not UNREACHABLE needs one answer. The monitor of a disputed VIM does not reach it itself.
        is_down = vim.status is Status.UNREACHABLE or vim.reason == Reason.DISPUTED
        command = f"vimesh vim probe {vim.id}" if vim.monitor.engine is Engine.EMBEDDED else ""
        answers = policy.rise if is_down else 1
        yield build(ForeseenKind.ANSWER, {"answers_needed": answers}, status=Status.REACHABLE, command=command)
    # While none of its references answers, the monitor accuses no VIM, whatever fails.
    if vim.status is not Status.UNREACHABLE and vim.reason not in {Reason.DISPUTED, Reason.LOCAL_NETWORK}:
        facts: dict[str, FactValue] = {"failures_needed": policy.fall}
        if policy.fail_for_s and vim.status is Status.REACHABLE:
            facts["fail_for"] = dt.timedelta(seconds=policy.fail_for_s)
        # Whoever may not know the monitors is told that there may be another one.
        if all(duty.living_monitors is not None for duty in evidence.duties):
            facts["second_opinion"] = any(duty.has_another for duty in evidence.duties)
        yield build(ForeseenKind.FAILURE, facts, status=Status.UNREACHABLE)


def _agreements(vim: Vim, build: _Builder) -> Iterator[PossibleChange]:
    for status in (Status.REACHABLE, Status.UNREACHABLE):
        if vim.status is not status and (needed := _vantages_needed(vim, status)):
            yield build(ForeseenKind.AGREEMENT, {"vantages_needed": needed}, status=status)


def _vantages_needed(vim: Vim, status: Status) -> int:
    """Return how many more vantages would have to say so at least; 0 if that follows already."""
    # One that says the opposite counts twice if it changes its mind, so these come first; then those that cannot tell.
    telling_first = sorted(vim.views, key=lambda view: view.status not in {Status.REACHABLE, Status.UNREACHABLE})
    others = [view.vantage for view in telling_first if view.status is not status]
    for count in range(len(others) + 1):
        converted = set(others[:count])
        opinions = [Opinion(view.vantage, status if view.vantage in converted else view.status) for view in vim.views]
        if conclude(opinions, vim.policy.quorum).status is status:
            return count
    return 0


def _next_task(evidence: VimEvidence, build: _Builder) -> Iterator[PossibleChange]:
    place = next((place for place, task in enumerate(evidence.tasks) if not task.is_void), None)
    if place is None:
        return
    # The tasks of a VIM are done one after the other.
    queue = evidence.tasks[: place + 1]
    facts = {"task": queue[-1].kind.value, "claimed": any(task.is_claimed for task in queue)}
    yield build(ForeseenKind.TASK_RETRY, facts, time=max(task.due_time for task in queue))


def _monitor_start(duty: MonitorDuty, build: _Builder) -> PossibleChange:
    flag = "" if duty.vantage == DEFAULT_VANTAGE else f" --vantage {duty.vantage}"
    return build(ForeseenKind.MONITOR_START, {"vantage": duty.vantage}, command=f"vimesh monitor{flag}")


def _replacements(evidence: VimEvidence, build: _Builder) -> Iterator[PossibleChange]:
    # What its engine has not begun is not replaced: another one would wait as well.
    if evidence.vim.monitor.state is MonitorState.WAITING:
        return
    for lease in evidence.leases:
        if lease.has_reported and lease.is_running:
            continue
        facts: dict[str, FactValue] = {"vantage": lease.vantage} if lease.vantage else {}
        facts["overdue"] = not lease.is_running
        yield build(ForeseenKind.REPLACEMENT, facts, time=lease.end_time if lease.is_running else None)
