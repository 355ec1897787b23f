"""Judges explanations: whether each claim, and each change that it foresees, is true of the state of the model."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from tests.simulation.explanations.true_state import TELLING, TrueLook, TrueVim, TrueWorld, conclusion
from vimesh.domain.explain.claims import (
    Basis,
    ClaimKind,
    Explanation,
    FaultKind,
    ForeseenKind,
    LeasePhase,
    PossibleChange,
    VimClaim,
)
from vimesh.domain.pool.assignment import Assignment, Member
from vimesh.domain.probing import Reason
from vimesh.domain.views.vantages import DEFAULT_VANTAGE
from vimesh.domain.vims import Engine, MonitorState, Status
from vimesh.monitor.targets.verdict import NextStep, ReachabilityTrack

TOLERANCE_S: Final = 5.0
"""Between the clocks of the model and the database, on a busy machine. Histories keep away from the ends of leases."""
_Facts = Mapping[str, Any]


class Untrue(AssertionError):
    """An explanation that says what is not so, or does not say what is."""


def require_truth(explanation: Explanation, world: TrueWorld) -> int:
    """Hold every claim against the state, and return how many there were. Raises Untrue."""
    return _Judge(explanation, world).judge()


class _Judge:
    def __init__(self, explanation: Explanation, world: TrueWorld) -> None:
        self._explanation = explanation
        self._world = world
        self._vim = world.vim
        self._now = explanation.as_of.timestamp()
        self._claims: dict[ClaimKind, Callable[[_Facts], bool]] = {
            ClaimKind.STATUS: self._status,
            ClaimKind.REASON: self._reason,
            ClaimKind.QUORUM: self._quorum,
            ClaimKind.VIEW: self._view,
            ClaimKind.CONDITION: self._condition,
            ClaimKind.CERTIFICATE: lambda facts: (
                self._is_near(facts["not_after"], self._vim.certificate_end)
                and facts["expired"] == (self._vim.certificate_end <= self._now)
            ),
            ClaimKind.CAUSE: lambda facts: facts["cause_id"] == self._vim.cause_id,
            ClaimKind.MAINTENANCE: lambda facts: (facts["window_id"], facts["reason"]) == self._vim.maintenance,
            ClaimKind.FLAPPING: lambda _: len(self._vim.changes) >= 4,
            ClaimKind.LEASE: self._lease,
            ClaimKind.ACTION: self._action,
            ClaimKind.MONITOR: self._monitor,
            ClaimKind.TASK: self._task,
            ClaimKind.POLICY: self._policy,
            ClaimKind.ROUNDS: lambda facts: (
                (facts["rounds"], facts["answered"], facts["lost"])
                == (self._vim.rounds, self._vim.answered, self._vim.lost)
            ),
            ClaimKind.STATUS_CHANGE: self._status_change,
        }
        self._changes: dict[ForeseenKind, Callable[[PossibleChange], bool]] = {
            ForeseenKind.ANSWER: self._answer,
            ForeseenKind.FAILURE: self._failure,
            ForeseenKind.SILENCE: self._silence,
            ForeseenKind.REPORT: lambda change: change.facts["engine"] == self._vim.engine,
            ForeseenKind.AGREEMENT: self._agreement,
            ForeseenKind.REPLACEMENT: self._replacement,
            ForeseenKind.MONITOR_START: self._monitor_start,
            ForeseenKind.TASK_RETRY: self._task_retry,
            ForeseenKind.ENGINE_CHANGE: lambda _: (
                self._vim.engine is Engine.EXTERNAL and not self._vim.looks[0].runs(self._now)
            ),
            ForeseenKind.LOCAL_REMEDY: lambda change: (
                change.facts["reason"] == self._reading()[1] and str(change.facts["reason"]).startswith("LOCAL_")
            ),
        }

    def judge(self) -> int:
        for claim in self._explanation.claims:
            if not self._claims[claim.kind](claim.facts):
                raise Untrue(f"{claim.sentence} {claim.facts}: {self._world}")
            self._require_words(claim)
        for change in self._explanation.possible_changes:
            if not self._changes[change.kind](change):
                raise Untrue(f"{change}: {self._world}")
        for kind, said, right in (*self._counts(), *self._foreseen()):
            if said != right:
                raise Untrue(f"{said} times {kind}, and not {right}: {self._explanation}: {self._world}")
        status, reason = self._reading()
        if (self._explanation.status, self._explanation.reason) != (status, reason):
            raise Untrue(f"{self._explanation.headline}: {self._world}")
        if f" is {status}{f' ({reason})' if reason else ''} since " not in self._explanation.headline:
            raise Untrue(self._explanation.headline)
        self._require_headline()
        return len(self._explanation.claims) + len(self._explanation.possible_changes)

    def _require_words(self, claim: VimClaim) -> None:
        """Require that a sentence has the words that its facts are about."""
        for name in ("status", "vantage", "monitor_id", "error", "last_error", "window_id"):
            if name in claim.facts and name != "window_id" and str(claim.facts[name]).rstrip(".") not in claim.sentence:
                raise Untrue(f"{claim.sentence} lacks {claim.facts[name]}")

    def _require_headline(self) -> None:
        """A headline says what keeps reports away only if that is so."""
        text = self._explanation.headline
        vim, now = self._vim, self._now
        reports = any(look.heard and look.runs(now) for look in vim.looks)
        if "no monitor of the pool is alive" in text and (reports or not any(map(self._is_deserted, self._vantages()))):
            raise Untrue(f"{text}: {self._world}")
        if "has not carried out a task" in text and (reports or not vim.is_waiting()):
            raise Untrue(f"{text}: {self._world}")
        if reports and "silent" in text and not vim.has_views:
            raise Untrue(f"{text}: {self._world}")

    def _reading(self) -> tuple[Status, str]:
        return self._vim.reading(self._now)

    def _counts(self) -> Iterator[tuple[ClaimKind, int, int]]:
        """Yield how often something was claimed, and how often that has to be."""
        vim, count = self._vim, len(self._vim.looks)
        said = [claim.kind for claim in self._explanation.claims]
        status, reason = self._reading()
        has_cause = bool(vim.cause_id) and status in {Status.UNREACHABLE, Status.UNKNOWN}
        for kind, right in {
            ClaimKind.STATUS: 1,
            ClaimKind.REASON: int(bool(reason)),
            ClaimKind.QUORUM: int(vim.has_views),
            ClaimKind.VIEW: count if vim.has_views else 0,
            ClaimKind.LEASE: int(not vim.has_views),
            ClaimKind.ACTION: 1,
            ClaimKind.MONITOR: count if vim.engine is Engine.EMBEDDED else 0,
            ClaimKind.CONDITION: len(vim.conditions),
            ClaimKind.CERTIFICATE: int(vim.certificate_end > 0),
            ClaimKind.TASK: min(len(vim.tasks), 5),
            ClaimKind.POLICY: 1,
            ClaimKind.MAINTENANCE: int(vim.maintenance is not None),
            ClaimKind.CAUSE: int(has_cause),
            ClaimKind.ROUNDS: int(vim.rounds > 0),
            ClaimKind.STATUS_CHANGE: min(len(vim.changes), 5),
        }.items():
            yield kind, said.count(kind), right

    def _foreseen(self) -> Iterator[tuple[ForeseenKind, int, int]]:
        """Yield how often a change was foreseen, and how often that has to be."""
        vim, now = self._vim, self._now
        said = [change.kind for change in self._explanation.possible_changes]
        status, reason = self._reading()
        reports = not vim.has_views and vim.looks[0].phase(now) is LeasePhase.RUNNING
        decides = reports and vim.engine is not Engine.EXTERNAL
        is_down = status is Status.UNREACHABLE or reason == Reason.DISPUTED
        for kind, is_due in {
            ForeseenKind.ANSWER: decides and status is not Status.REACHABLE,
            ForeseenKind.FAILURE: decides and not is_down and reason != Reason.LOCAL_NETWORK,
            ForeseenKind.LOCAL_REMEDY: decides and reason.startswith("LOCAL_"),
            ForeseenKind.REPORT: not vim.has_views and not decides,
            ForeseenKind.TASK_RETRY: bool(vim.open_tasks()),
            ForeseenKind.ENGINE_CHANGE: vim.engine is Engine.EXTERNAL and not vim.looks[0].runs(now),
        }.items():
            yield kind, said.count(kind), int(is_due)
        if not vim.has_views:
            yield ForeseenKind.SILENCE, said.count(ForeseenKind.SILENCE), int(reports)
        deserted = sum(map(self._is_deserted, self._vantages())) if vim.engine is Engine.EMBEDDED else 0
        yield ForeseenKind.MONITOR_START, said.count(ForeseenKind.MONITOR_START), deserted
        silent = [look for look in vim.looks if look.phase(now) is not LeasePhase.RUNNING]
        replaced = 0 if vim.engine is Engine.EXTERNAL or vim.is_waiting() else len(silent)
        yield ForeseenKind.REPLACEMENT, said.count(ForeseenKind.REPLACEMENT), replaced

    # --- claims

    def _status(self, facts: _Facts) -> bool:
        status, reason = self._reading()
        if reason == Reason.SILENT:
            basis = Basis.SILENCE
        elif self._vim.has_views:
            basis = Basis.VIEWS
        else:
            basis = Basis.NOTHING if status is Status.PENDING else Basis.REPORT
        is_right = (facts["status"], facts.get("reason", ""), facts["basis"]) == (status, reason, basis)
        if basis is Basis.REPORT:
            look = self._vim.looks[0]
            is_right &= look.heard and look.runs(self._now) and facts.get("detail", "") == look.detail
        age = self._explanation.as_of - facts["status_time"]
        return is_right and facts["age"] == max(age, dt.timedelta())

    def _reason(self, facts: _Facts) -> bool:
        status, reason = self._reading()
        if reason == Reason.SILENT:
            fault = FaultKind.SILENCE
        elif reason in {Reason.NO_QUORUM, Reason.DISPUTED}:
            fault = FaultKind.DISAGREEMENT
        elif reason.startswith("LOCAL_"):
            fault = FaultKind.MONITOR
        else:
            fault = FaultKind.OTHER if reason == "ODD_WORD" else FaultKind.VIM
        # Only what the VIM is blamed for makes it unreachable.
        accuses = fault in {FaultKind.VIM, FaultKind.OTHER} or status is not Status.UNREACHABLE
        return (facts["reason"], facts["fault"]) == (reason, fault) and accuses

    def _quorum(self, facts: _Facts) -> bool:
        said = [look.reading(self._now) for look in self._vim.looks]
        statuses = [status for status, _ in said]
        status, reason = conclusion(said, self._vim.policy.quorum)
        counted = (statuses.count(Status.REACHABLE), statuses.count(Status.UNREACHABLE))
        needed = facts["needed"]
        return (
            (facts["reachable"], facts["unreachable"]) == counted
            and facts["telling"] == sum(counted)
            and facts["vantages"] == len(said)
            and facts["quorum"] == self._vim.policy.quorum
            and (needed == facts["quorum"] or (not facts["quorum"] and 2 * needed > sum(counted) >= 2 * (needed - 1)))
            and facts["decision"] == (reason if status is Status.UNKNOWN else status)
        )

    def _view(self, facts: _Facts) -> bool:
        look = self._look_at(facts["vantage"])
        status, reason = look.reading(self._now)
        is_detail_right = reason == Reason.SILENT or facts.get("detail", "") == look.detail
        return (
            (facts["status"], facts.get("reason", "")) == (status, reason)
            and facts["tells"] == (status in TELLING)
            and facts["action_id"] == look.action_id
            and is_detail_right
            and self._is_lease(facts, look)
        )

    def _condition(self, facts: _Facts) -> bool:
        """What was seen of a VIM that cannot be reached is not known any more, and a certificate ends by itself."""
        type_, (status, reason) = facts["condition"], self._vim.conditions[facts["condition"]]
        reads, why = self._reading()
        if type_ == "CertificateValid":
            if self._vim.certificate_end <= self._now:
                status, reason = "FALSE", "EXPIRED"
        elif reads is not Status.REACHABLE:
            status, reason = "UNKNOWN", Reason.SILENT if why == Reason.SILENT else "NOT_REACHABLE"
        return (facts["condition_status"], facts.get("reason", "")) == (status, reason)

    def _lease(self, facts: _Facts) -> bool:
        look = self._vim.looks[0]
        return self._is_lease(facts, look) and ("contact_time" in facts) == look.heard

    def _is_lease(self, facts: _Facts, look: TrueLook) -> bool:
        return facts["lease_phase"] == look.phase(self._now) and self._is_near(facts["lease_end"], look.end)

    def _action(self, facts: _Facts) -> bool:
        vim = self._vim
        phases = {look.phase(self._now) for look in vim.looks}
        if vim.is_waiting():
            state = MonitorState.WAITING
        elif LeasePhase.RUNNING in phases:
            state = MonitorState.RUNNING
        else:
            state = MonitorState.STARTING if LeasePhase.STARTING in phases else MonitorState.SILENT
        action_id = "" if vim.has_views else vim.looks[0].action_id
        is_named = facts.get("workflow_name") == (f"vim_id_{vim.vim_id}" if vim.engine is Engine.MISTRAL else None)
        return (facts["engine"], facts["state"], facts.get("action_id", "")) == (
            vim.engine,
            state,
            action_id,
        ) and is_named

    def _monitor(self, facts: _Facts) -> bool:
        there = self._world.monitors_at(facts["vantage"])
        members = [Member(each.monitor_id, 1, each.draining) for each in there]
        owner_id = Assignment(members).owner_of(self._vim.vim_id)
        owner = next((each for each in there if each.monitor_id == owner_id), None)
        living = [each for each in there if each.end > self._now]
        return (
            facts["vantage"] in self._vantages()
            and facts.get("monitor_id", "") == owner_id
            and facts["alive"] == (owner in living)
            and facts["vantage_alive"] == bool(living)
            and facts["draining"] == bool(owner and owner.draining)
            and (facts["monitors"], facts["living_monitors"]) == (len(there), len(living))
            and (owner is None or self._is_near(facts["lease_end"], owner.end))
        )

    def _task(self, facts: _Facts) -> bool:
        return any(
            (facts["task"], facts["attempts"], facts.get("error", ""), facts["claimed"], facts["wanted"])
            == (task.kind, task.attempts, task.error, task.is_claimed(self._now), task in self._vim.open_tasks())
            and self._is_near(facts["due_time"], task.due)
            for task in self._vim.tasks
        )

    def _policy(self, facts: _Facts) -> bool:
        policy = self._vim.policy
        lasting = facts.get("fail_for", dt.timedelta()).total_seconds()
        return (
            (facts["method"], facts["fall"], facts["rise"]) == (policy.method, policy.fall, policy.rise)
            and facts["interval"].total_seconds() == policy.interval_s
            and facts["depth"] == policy.effective_depth
            and facts["timeout"].total_seconds() == policy.timeout_s
            and lasting == policy.fail_for_s
            and facts["tls_verify"] == policy.tls_verify
            and facts["engine"] == self._vim.engine
        )

    def _status_change(self, facts: _Facts) -> bool:
        newest = self._vim.changes[-5:]
        return any(
            (facts["revision"], facts["status"], facts["previous_status"], facts.get("reason", ""))
            == (change.revision, change.status, change.previous, change.reason)
            for change in newest
        )

    # --- what is foreseen

    def _answer(self, change: PossibleChange) -> bool:
        """Let the monitor's own judgement get the answers, and count."""
        track = self._track()
        answered = 0
        while track.status is not Status.REACHABLE:
            track.begin()
            step = NextStep.AGAIN
            while step is NextStep.AGAIN:
                track.sent += 1
                answered += 1
                step = track.record_answer()
        return change.status is Status.REACHABLE and change.facts["answers_needed"] == answered

    def _failure(self, change: PossibleChange) -> bool:
        track = self._track()
        failed, policy = 0, self._vim.policy
        track.begin()
        step = NextStep.AGAIN
        while step is NextStep.AGAIN:
            track.sent += 1
            failed += 1
            step = track.record_failure(0.0, Reason.REFUSED, "")
        lasts_s = change.facts.get("fail_for", dt.timedelta())
        if isinstance(lasts_s, dt.timedelta) and lasts_s:
            # One round does not suffice: another one is needed when the time is over.
            if track.status is Status.UNREACHABLE or lasts_s.total_seconds() != policy.fail_for_s:
                return False
            track.begin()
            for _ in range(failed):
                track.sent += 1
                track.record_failure(policy.fail_for_s, Reason.REFUSED, "")
        living = [
            monitor
            for vantage in self._vantages()
            for monitor in self._world.monitors_at(vantage)
            if monitor.end > self._now and self._vim.engine is Engine.EMBEDDED
        ]
        return (
            track.status is Status.UNREACHABLE
            and change.status is Status.UNREACHABLE
            and change.facts["failures_needed"] == failed
            and change.facts["second_opinion"] == (len(living) > 1)
        )

    def _track(self) -> ReachabilityTrack:
        """Return the judgement of a monitor that has come to what the VIM reads."""
        policy = self._vim.policy
        track = ReachabilityTrack(fall=policy.fall, rise=policy.rise, fail_for_s=policy.fail_for_s)
        status, reason = self._reading()
        if status is Status.REACHABLE:
            track.record_answer()
        elif status is Status.UNREACHABLE or reason == Reason.DISPUTED:
            for _ in range(policy.fall):
                track.sent += 1
                track.record_failure(0.0, Reason.REFUSED, "")
        else:
            track.give_up(reason, "")
        return track

    def _silence(self, change: PossibleChange) -> bool:
        assert change.time is not None
        if not self._vim.has_views:
            return change.status is Status.UNKNOWN and self._is_near(change.time, self._vim.looks[0].end)
        before, after = change.time.timestamp() - TOLERANCE_S, change.time.timestamp() + TOLERANCE_S
        # What was read holds until then; then something else follows, or nothing is left to follow from.
        if before > self._now and self._vim.reading(before) != self._reading():
            return False
        return self._vim.reading(after)[1] == Reason.SILENT

    def _agreement(self, change: PossibleChange) -> bool:
        """Try all ways in which vantages could change their minds."""
        said = [look.reading(self._now) for look in self._vim.looks]
        status = change.status
        assert status is not None
        fewest = next(
            (
                count
                for count in range(len(said) + 1)
                for chosen in itertools.combinations(range(len(said)), count)
                if self._with(said, chosen, status) is status
            ),
            0,
        )
        return change.facts["vantages_needed"] == fewest > 0

    def _with(self, said: list[tuple[Status, str]], chosen: tuple[int, ...], status: Status) -> Status:
        then = [(status, "") if place in chosen else one for place, one in enumerate(said)]
        return conclusion(then, self._vim.policy.quorum)[0]

    def _replacement(self, change: PossibleChange) -> bool:
        vantage = change.facts.get("vantage")
        look = self._look_at(str(vantage)) if self._vim.has_views else self._vim.looks[0]
        if change.facts["overdue"]:
            return change.time is None and not look.runs(self._now)
        return change.time is not None and look.runs(self._now) and self._is_near(change.time, look.end)

    def _monitor_start(self, change: PossibleChange) -> bool:
        vantage = str(change.facts["vantage"])
        flag = "" if vantage == DEFAULT_VANTAGE else f" --vantage {vantage}"
        return self._is_deserted(vantage) and change.command == f"vimesh monitor{flag}"

    def _task_retry(self, change: PossibleChange) -> bool:
        first = self._vim.open_tasks()[0]
        queue = self._vim.tasks[: self._vim.tasks.index(first) + 1]
        assert change.time is not None
        return (change.facts["task"], change.facts["claimed"]) == (
            first.kind,
            any(task.is_claimed(self._now) for task in queue),
        ) and self._is_near(change.time, max(task.due for task in queue))

    # --- the state

    def _is_deserted(self, vantage: str) -> bool:
        """Return whether no monitor of the pool is alive there."""
        return not any(each.end > self._now for each in self._world.monitors_at(vantage))

    def _vantages(self) -> list[str]:
        return [look.vantage or DEFAULT_VANTAGE for look in self._vim.looks]

    def _look_at(self, vantage: str) -> TrueLook:
        return next(look for look in self._vim.looks if look.vantage == vantage)

    def _is_near(self, time: dt.datetime, expected: float) -> bool:
        return abs(time.timestamp() - expected) <= TOLERANCE_S


__all__ = ["TOLERANCE_S", "TrueVim", "Untrue", "require_truth"]
