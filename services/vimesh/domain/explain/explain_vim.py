"""Explains a VIM: a pure function of what was read of it.

Each claim is built here with its facts; `sentences.py` makes the sentences. What would change the status is in
`foresee_changes.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from vimesh.domain.actions import workflow_name
from vimesh.domain.conditions.conditions import REACHABLE, Certificate, TimedCondition
from vimesh.domain.explain.claims import (
    Basis,
    ClaimKind,
    Explanation,
    FactValue,
    LeasePhase,
    VimClaim,
)
from vimesh.domain.explain.foresee_changes import foresee
from vimesh.domain.explain.reason_phrases import fault_of
from vimesh.domain.explain.sentences import claim_sentence, headline
from vimesh.domain.explain.vim_evidence import ROUNDS_S, ActionLease, MonitorDuty, RoundTotals, VimEvidence
from vimesh.domain.probing import Reason
from vimesh.domain.todos import TodoKind
from vimesh.domain.views.quorum import Opinion, conclude
from vimesh.domain.vims import Engine, MonitorState, Status, View

_OptionalFact = FactValue | None
_Found = tuple[ClaimKind, Mapping[str, FactValue]]
_TELLING: Final = frozenset({Status.REACHABLE, Status.UNREACHABLE})


def explain(evidence: VimEvidence, *, contact_within_s: float) -> Explanation:
    """Return why the VIM reads what it reads, and what would change that.

    `contact_within_s`: within how many seconds ping actions are asked for their next contact at present.
    """
    vim, as_of = evidence.vim, evidence.as_of
    found = list(_claims(evidence, contact_within_s))
    claims = tuple(VimClaim(kind, facts, claim_sentence(kind, facts, as_of)) for kind, facts in found)
    status = found[0][1]
    is_reporting = any(lease.is_running and lease.has_reported for lease in evidence.leases)
    return Explanation(
        vim_id=vim.id,
        name=vim.name,
        status=vim.status,
        reason=vim.reason,
        revision=vim.revision,
        as_of=as_of,
        headline=headline(
            vim.name,
            status,
            as_of,
            duty=None if is_reporting else _first(found, ClaimKind.MONITOR, vantage_alive=False),
            task=None if is_reporting else _first(found, ClaimKind.TASK, task=TodoKind.START, wanted=True),
        ),
        claims=claims,
        possible_changes=tuple(foresee(evidence)),
    )


def _first(found: Iterable[_Found], kind: ClaimKind, **wanted: FactValue) -> Mapping[str, FactValue] | None:
    of_kind = (facts for one, facts in found if one is kind)
    return next((facts for facts in of_kind if all(facts.get(name) == value for name, value in wanted.items())), None)


def _claims(evidence: VimEvidence, contact_within_s: float) -> Iterator[_Found]:
    """Yield the claims, the most important ones first. The first one is about the status."""
    vim = evidence.vim
    yield ClaimKind.STATUS, _status(evidence)
    if vim.reason:
        yield ClaimKind.REASON, {"reason": vim.reason, "fault": fault_of(vim.reason).value}
    if vim.views:
        yield from _vantages(evidence)
    yield from _deeper_claims(evidence)
    yield from _surroundings(evidence)
    if not vim.views:
        yield ClaimKind.LEASE, _lease(evidence, evidence.leases[0], contact_within_s)
    yield ClaimKind.ACTION, _action(evidence)
    for duty in evidence.duties:
        yield ClaimKind.MONITOR, _monitor(duty)
    for task in evidence.tasks:
        yield (
            ClaimKind.TASK,
            _present(
                task=task.kind.value,
                wanted=not task.is_void,
                attempts=task.attempts,
                error=task.error or None,
                due_time=task.due_time,
                claimed=task.is_claimed,
                age=None if task.create_time is None else max(evidence.as_of - task.create_time, dt.timedelta()),
            ),
        )
    yield ClaimKind.POLICY, _policy(evidence)
    if evidence.rounds is not None:
        yield ClaimKind.ROUNDS, _rounds(evidence.rounds)
    for change in evidence.changes:
        yield (
            ClaimKind.STATUS_CHANGE,
            _present(
                revision=change.revision,
                time=change.time,
                status=change.status.value,
                previous_status=change.previous_status.value,
                reason=change.reason or None,
            ),
        )


def _vantages(evidence: VimEvidence) -> Iterator[_Found]:
    yield ClaimKind.QUORUM, _quorum(evidence)
    leases = {lease.vantage: lease for lease in evidence.leases}
    for view in evidence.vim.views:
        yield ClaimKind.VIEW, _view(view, leases[view.vantage])


def _deeper_claims(evidence: VimEvidence) -> Iterator[_Found]:
    """Yield what is known besides whether the VIM can be reached."""
    for condition in evidence.vim.conditions:
        # `Reachable` says what the status says.
        if condition.type != REACHABLE:
            yield ClaimKind.CONDITION, _condition(condition)
    if evidence.vim.certificate is not None:
        yield ClaimKind.CERTIFICATE, _certificate(evidence.vim.certificate, evidence.as_of)


def _surroundings(evidence: VimEvidence) -> Iterator[_Found]:
    vim = evidence.vim
    if evidence.cause is not None:
        yield (
            ClaimKind.CAUSE,
            {
                "cause_id": evidence.cause.id,
                "cause_kind": evidence.cause.kind.value,
                "subject": evidence.cause.subject,
                "start_time": evidence.cause.start_time,
                "vim_count": evidence.cause.vim_count,
                "affected_count": evidence.cause.affected_count,
            },
        )
    if vim.maintenance is not None:
        window = vim.maintenance
        facts = _present(window_id=window.window_id, reason=window.reason or None, end_time=window.end_time)
        yield ClaimKind.MAINTENANCE, facts
    if vim.flapping:
        yield ClaimKind.FLAPPING, {"flapping": True}


def _status(evidence: VimEvidence) -> Mapping[str, FactValue]:
    vim = evidence.vim
    return _present(
        status=vim.status.value,
        reason=vim.reason or None,
        detail=vim.detail or None,
        status_time=vim.status_time,
        age=max(evidence.as_of - vim.status_time, dt.timedelta()),
        basis=_basis(evidence).value,
    )


def _basis(evidence: VimEvidence) -> Basis:
    vim = evidence.vim
    if vim.status is Status.UNKNOWN and vim.reason == Reason.SILENT:
        return Basis.SILENCE
    if vim.views:
        return Basis.VIEWS
    return Basis.NOTHING if vim.status is Status.PENDING else Basis.REPORT


def _quorum(evidence: VimEvidence) -> Mapping[str, FactValue]:
    views, quorum = evidence.vim.views, evidence.vim.policy.quorum
    statuses = [view.status for view in views]
    telling = sum(status in _TELLING for status in statuses)
    conclusion = conclude([Opinion(view.vantage, view.status, view.reason) for view in views], quorum)
    return {
        "quorum": quorum,
        "needed": quorum or telling // 2 + 1,
        "vantages": len(views),
        "telling": telling,
        "reachable": statuses.count(Status.REACHABLE),
        "unreachable": statuses.count(Status.UNREACHABLE),
        "decision": conclusion.reason if conclusion.status is Status.UNKNOWN else conclusion.status.value,
    }


def _view(view: View, lease: ActionLease) -> Mapping[str, FactValue]:
    return _present(
        vantage=view.vantage,
        status=view.status.value,
        reason=view.reason or None,
        detail=view.detail or None,
        status_time=view.status_time,
        tells=view.status in _TELLING,
        lease_phase=phase_of(lease).value,
        lease_end=lease.end_time,
        action_id=view.action_id or None,
    )


def _condition(condition: TimedCondition) -> Mapping[str, FactValue]:
    return _present(
        condition=condition.type,
        condition_status=condition.status.value,
        reason=condition.reason or None,
        message=condition.message or None,
        transition_time=condition.transition_time,
    )


def _certificate(certificate: Certificate, as_of: dt.datetime) -> Mapping[str, FactValue]:
    return _present(
        subject=certificate.subject,
        issuer=certificate.issuer,
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        expired=certificate.not_after <= as_of,
        verified=certificate.verified,
        verify_error=certificate.verify_error or None,
    )


def _lease(evidence: VimEvidence, lease: ActionLease, contact_within_s: float) -> Mapping[str, FactValue]:
    return _present(
        lease_phase=phase_of(lease).value,
        lease_end=lease.end_time,
        contact_time=evidence.vim.monitor.contact_time,
        contact_within=dt.timedelta(seconds=contact_within_s),
        engine=evidence.vim.monitor.engine.value,
    )


def phase_of(lease: ActionLease) -> LeasePhase:
    """Return where an action is in its time."""
    if lease.has_reported:
        return LeasePhase.RUNNING if lease.is_running else LeasePhase.ENDED
    return LeasePhase.STARTING if lease.is_running else LeasePhase.OVERDUE


def _action(evidence: VimEvidence) -> Mapping[str, FactValue]:
    vim, monitor = evidence.vim, evidence.vim.monitor
    return _present(
        engine=monitor.engine.value,
        actions=len(evidence.leases),
        state=_state_of(evidence).value,
        action_id=monitor.action_id or None,
        workflow_name=workflow_name(vim.id) if monitor.engine is Engine.MISTRAL else None,
        last_error=monitor.last_error or None,
        contact_time=monitor.contact_time,
    )


def _state_of(evidence: VimEvidence) -> MonitorState:
    """Return the state of the action; of several, that of the one that is best off."""
    if not evidence.vim.views:
        return evidence.vim.monitor.state
    phases = {phase_of(lease) for lease in evidence.leases}
    if LeasePhase.RUNNING in phases:
        return MonitorState.RUNNING
    return MonitorState.STARTING if LeasePhase.STARTING in phases else MonitorState.SILENT


def _monitor(duty: MonitorDuty) -> Mapping[str, FactValue]:
    return _present(
        vantage=duty.vantage,
        monitor_id=duty.monitor_id or None,
        alive=duty.is_alive,
        vantage_alive=duty.has_living,
        draining=duty.is_draining,
        lease_end=duty.lease_end,
        monitors=duty.monitors,
        living_monitors=duty.living_monitors,
    )


def _policy(evidence: VimEvidence) -> Mapping[str, FactValue]:
    policy = evidence.vim.policy
    return _present(
        method=policy.method.value,
        interval=dt.timedelta(seconds=policy.interval_s),
        timeout=dt.timedelta(seconds=policy.timeout_s),
        depth=policy.effective_depth.value,
        fall=policy.fall,
        rise=policy.rise,
        fail_for=dt.timedelta(seconds=policy.fail_for_s) if policy.fail_for_s else None,
        tls_verify=policy.tls_verify,
        engine=evidence.vim.monitor.engine.value,
    )


def _rounds(totals: RoundTotals) -> Mapping[str, FactValue]:
    answered = totals.answered
    return _present(
        window=dt.timedelta(seconds=ROUNDS_S),
        rounds=totals.rounds,
        answered=answered,
        lost=totals.lost,
        min_round_trip=dt.timedelta(seconds=totals.min_s) if answered else None,
        mean_round_trip=dt.timedelta(seconds=totals.sum_s / answered) if answered else None,
        max_round_trip=dt.timedelta(seconds=totals.max_s) if answered else None,
        last_time=totals.last_time,
    )


def _present(**facts: _OptionalFact) -> Mapping[str, FactValue]:
    """Return the facts that have a value."""
    return {name: value for name, value in facts.items() if value is not None}
