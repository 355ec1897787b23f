"""Judges the probes of one VIM: rise, fall, confirm. Pure: uses neither clock nor socket."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status

UNSURE_ROUNDS = 2
"""After this many rounds in a row left undecided by local faults, the verdict is UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ping action's verdict on its VIM, valid since `decided_at`."""

    vim_id: str
    action_id: str
    status: Status
    reason: str
    detail: str
    round_trip_s: float | None
    decided_at: float
    """By the monotonic clock of the host."""


class NextStep(Enum):
    """What the round needs next."""

    WAIT = "a probe under way decides"
    AGAIN = "send another probe"
    DOUBT = "bad news, unless the addresses are out of date or it is our network: look, and then concede or begin again"
    SETTLED = "the round is over, the verdict stands"
    CHANGED = "the round is over with another verdict"


# Looking up an enum member costs 0.1 us in Python 3.11, and a round needs a dozen.
_WAIT, _AGAIN, _DOUBT, _SETTLED, _CHANGED = (
    NextStep.WAIT,
    NextStep.AGAIN,
    NextStep.DOUBT,
    NextStep.SETTLED,
    NextStep.CHANGED,
)
_REACHABLE, _UNREACHABLE, _UNKNOWN = Status.REACHABLE, Status.UNREACHABLE, Status.UNKNOWN
_NO_FAULT = ("", "")


class ReachabilityTrack:
    """The verdict on one VIM, and the progress of its current round.

    A VIM that is not down gets up to `fall` probes per address in a round, and one answer clears it. A VIM that is
    down gets a single probe per address, and needs `rise` answers in a row from the same address to come back. Local
    faults never count as failures (G12).
    """

    __slots__ = (
        "_answers",
        "_answers_needed",
        "_detail",
        "_drift",
        "_drift_rounds",
        "_fail_for_s",
        "_fall",
        "_fault",
        "_faults",
        "_outcomes",
        "_probes_needed",
        "_reason",
        "_rise",
        "_undecided_rounds",
        "addresses",
        "begun_at",
        "detail",
        "failing_since",
        "has_failed",
        "in_doubt",
        "reason",
        "sent",
        "status",
    )

    def __init__(self, *, fall: int, rise: int, fail_for_s: float = 0.0) -> None:
        self._fall = fall
        self._rise = rise
        self._fail_for_s = fail_for_s
        self.status: Status | None = None
        self.reason = ""
        self.detail = ""
        self._drift = ""
        self._drift_rounds = 0
        self._undecided_rounds = 0
        self.failing_since: float | None = None
        """When the first of the failed rounds began that `fail_for_s` tolerates; None if there are none."""
        self.begun_at = 0.0
        """When the first probe of the round was sent."""
        self.begin()

    @property
    def is_down(self) -> bool:
        return self.status is _UNREACHABLE

    @property
    def is_steady(self) -> bool:
        """Whether an answer to the first probe of the next round would change nothing."""
        return self.status is _REACHABLE and not self._undecided_rounds and self.failing_since is None

    @property
    def tolerated_until(self) -> float:
        """When failures will have lasted for `fail_for_s`; 0 if there are none."""
        return 0.0 if self.failing_since is None else self.failing_since + self._fail_for_s

    @property
    def hedged(self) -> bool:
        """Whether further probes follow silence before it is judged."""
        return self._probes_needed > 1 and not self.is_recovering

    @property
    def is_recovering(self) -> bool:
        """Whether the VIM is coming back: only the newest probe counts, and goes to the address that answered."""
        return self._answers > 0

    @property
    def has_more(self) -> bool:
        """Whether the round may send another probe before it judges."""
        return self.sent < self._probes_needed and self._faults <= self._probes_needed and not self._answers

    @property
    def answers(self) -> int:
        """Number of probes of the round that were answered in a row; 0 if the VIM was REACHABLE before."""
        return self._answers

    @property
    def silent_probes(self) -> int:
        """Number of probes of the round that have neither been answered nor failed."""
        return self.sent - self._outcomes

    @property
    def is_at_last_chance(self) -> bool:
        """Whether the next probe may be the last one before the VIM is newly declared unreachable."""
        return self.status is not _UNREACHABLE and self.sent + 1 == self._probes_needed and not self._answers

    def begin(self) -> None:
        """Start a round."""
        if self.status is _UNREACHABLE:
            self._probes_needed, self._answers_needed = 1, self._rise
        else:
            self._probes_needed, self._answers_needed = self._fall, 1
        self.in_doubt = False
        """Whether its bad news must be doubted before it is accepted, see NextStep.DOUBT."""
        self.has_failed = False
        """Whether the round ended with failures of the VIM, tolerated or not."""
        self.sent = self._outcomes = self._faults = self._answers = 0
        self.addresses = 1
        self._reason = Reason.TIMEOUT
        self._detail = ""
        self._fault = _NO_FAULT

    def cover(self, addresses: int) -> None:
        """Require that each address of the VIM is tried before the verdict is UNREACHABLE."""
        self._probes_needed += (addresses - self.addresses) * (1 if self.is_down else self._fall)
        self.addresses = addresses

    def record_answer(self) -> NextStep:
        if self.status is _REACHABLE:
            self._undecided_rounds = 0
            self.failing_since = None
            return _SETTLED  # the outcome of nearly every round of a healthy fleet
        self._answers += 1
        self._outcomes += 1
        if self._answers < self._answers_needed:
            self._probes_needed += 1
            return _AGAIN
        return self._settle(_REACHABLE, "", "")

    def record_failure(self, at: float, reason: str, detail: str) -> NextStep:
        """Record that one probe failed."""
        self._answers = 0
        self._outcomes += 1
        self._reason, self._detail = reason, detail
        if self._outcomes >= self._probes_needed:
            return self._fail(at)
        return _AGAIN if self.has_more else _WAIT

    def record_fault(self, reason: str, detail: str) -> NextStep:
        """Record that one probe could not be sent, for a local reason."""
        self._faults += 1
        self._fault = (reason, detail)
        if self._faults <= self._probes_needed:
            return _AGAIN
        return _WAIT if self.sent else self._settle(_UNKNOWN, reason, detail)

    def give_up(self, reason: str, detail: str) -> NextStep:
        """Record that the round was given up, for a local reason."""
        return self._settle(_UNKNOWN, reason, detail)

    def record_silence(self, at: float) -> NextStep:
        """Record that the newest probe was not answered in time."""
        self._answers = 0
        if self.has_more:
            return _AGAIN
        if self.sent >= self._probes_needed:
            return self._fail(at)
        return self._undecided()

    def accept_failure(self, at: float) -> NextStep:
        """Accept the bad news of the round."""
        self.has_failed = True
        if self.status is _REACHABLE and self._fail_for_s and self.failing_since is None:
            self.failing_since = self.begun_at
        # Of an UNKNOWN VIM, too: it was REACHABLE when the time began.
        if self.failing_since is not None and at - self.failing_since < self._fail_for_s:
            return _SETTLED
        return self._settle(_UNREACHABLE, self._reason, self._detail)

    def explain(self, reason: str, detail: str) -> None:
        """Set a better reason for the failure of the round than its probes gave."""
        self._reason, self._detail = reason, detail

    def leave_undecided(self, reason: str, detail: str) -> NextStep:
        """Record that the failures of the round prove nothing, for a local reason."""
        self._fault = (reason, detail)
        return self._undecided()

    def _fail(self, at: float) -> NextStep:
        if self.in_doubt:
            return _DOUBT
        return self.accept_failure(at)

    def _undecided(self) -> NextStep:
        self._undecided_rounds += 1
        if self.sent and self._undecided_rounds < UNSURE_ROUNDS:
            return _SETTLED
        return self._settle(_UNKNOWN, *self._fault)

    def _settle(self, status: Status, reason: str, detail: str) -> NextStep:
        # A local fault proves nothing: it neither ends nor begins the time of `fail_for`.
        if status is not _UNKNOWN:
            self.failing_since = None
            self._undecided_rounds = 0
        if status is self.status and not self._drifted(reason):
            return _SETTLED
        self.status, self.reason, self.detail = status, reason, detail
        self._drift_rounds = 0
        return _CHANGED

    def _drifted(self, reason: str) -> bool:
        """Return whether the last `fall` rounds all gave the same reason, different from the verdict's."""
        if reason == self.reason:
            self._drift_rounds = 0
            return False
        self._drift_rounds = self._drift_rounds + 1 if reason == self._drift else 1
        self._drift = reason
        return self._drift_rounds >= self._fall
