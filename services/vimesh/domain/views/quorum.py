"""Decides which status follows from what the vantages of a VIM say: pure functions of their opinions and the quorum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status

_TELLING: Final = (Status.UNREACHABLE, Status.REACHABLE)
"""The statuses that count. With a quorum that both have, the first one is right: somebody cannot reach the VIM."""


class Opinion(NamedTuple):
    """What a vantage says of a VIM."""

    vantage: str
    status: Status
    reason: str = ""
    detail: str = ""
    round_trip_s: float | None = None
    until: int | None = None
    """When its lease ends, by the database's clock, in microseconds; None: it has none that could end."""


class Conclusion(NamedTuple):
    """What follows for the VIM."""

    status: Status
    reason: str
    detail: str
    round_trip_s: float | None


def conclude(opinions: Sequence[Opinion], quorum: int) -> Conclusion:
    """Return the status that follows from opinions, of which there is at least one.

    `quorum`: how many have to agree; 0: the majority of those that can tell. Who is pending or unknown cannot tell. Of
    several reasons, the VIM has the one that most have, or the first of those.
    """
    tellers = [one for one in opinions if one.status in _TELLING]
    needed = quorum or len(tellers) // 2 + 1
    for status in _TELLING:
        agreeing = [one for one in tellers if one.status is status]
        if len(agreeing) >= needed:
            reason = Counter(one.reason for one in agreeing).most_common(1)[0][0]
            first = next(one for one in agreeing if one.reason == reason)
            return Conclusion(status, reason, first.detail, first.round_trip_s)
    if all(one.status is Status.PENDING for one in opinions):
        return Conclusion(Status.PENDING, "", "", None)
    reason = Reason.NO_QUORUM if len(tellers) < needed else Reason.DISPUTED
    return Conclusion(Status.UNKNOWN, reason, "; ".join(map(_described, opinions)), None)


def stands_until(opinions: Sequence[Opinion], quorum: int) -> int | None:
    """Return when another status follows if nothing more is heard; None if nothing was heard of any."""
    ends = sorted({one.until for one in opinions if one.until is not None})
    status = conclude(opinions, quorum).status
    for end in ends:
        left = [_silent(one) if one.until is not None and one.until <= end else one for one in opinions]
        if conclude(left, quorum).status is not status:
            return end
    return ends[-1] if ends else None


def _silent(opinion: Opinion) -> Opinion:
    return Opinion(opinion.vantage, Status.UNKNOWN, Reason.SILENT)


def _described(opinion: Opinion) -> str:
    said = f"{opinion.vantage}: {opinion.status}"
    return f"{said} ({opinion.reason})" if opinion.reason else said
