"""Counts the calls of ping actions, in plain numbers that any thread may read."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from vimesh.bridge.calls.update_vim import BAD_ACTION, HELD, KILLED
from vimesh.bridge.messages.caller_exceptions import BridgeFault, CallFailed, ConductorsAway, NotWanted
from vimesh.runtime.histogram import LONG_SECONDS, Histogram


class CallOutcome(StrEnum):
    RECORDED = "recorded"
    """The answer is the status on record."""
    HELD = "held"
    """The report is on record, and its answer was held back."""
    BAD_ACTION = "bad_action"
    KILLED = "killed"
    """The action is not wanted, and was sent a kill."""
    NOT_WANTED = "not_wanted"
    """The action is not wanted, and is ended by an error, as no kill reaches it."""
    REFUSED = "refused"
    """The call breaks a rule, or its user may not make it."""
    NO_CONDUCTOR = "no_conductor"
    LATE = "late"
    """Nobody waited for the answer any longer."""
    DEFECT = "defect"
    MALFORMED = "malformed"
    """The message is not a call."""


_OF_ANSWERS: Final = {BAD_ACTION: CallOutcome.BAD_ACTION, HELD: CallOutcome.HELD, KILLED: CallOutcome.KILLED}
_OF_FAILURES: Final[tuple[tuple[type[CallFailed], CallOutcome], ...]] = (
    (NotWanted, CallOutcome.NOT_WANTED),
    (ConductorsAway, CallOutcome.NO_CONDUCTOR),
    (BridgeFault, CallOutcome.DEFECT),
    (CallFailed, CallOutcome.REFUSED),
)


def outcome_of(answer: str | CallFailed) -> CallOutcome:
    """Return the outcome of a call that was served."""
    if isinstance(answer, str):
        return _OF_ANSWERS.get(answer, CallOutcome.RECORDED)
    return next(outcome for failure, outcome in _OF_FAILURES if isinstance(answer, failure))


class AmqpStatistics:
    def __init__(self) -> None:
        self.calls = dict.fromkeys(CallOutcome, 0)
        self.durations = Histogram(LONG_SECONDS)
        """Seconds from a call's arrival until its outcome is known, the time included for which an answer is held."""
