"""Decides which conditions there can be, and how those on record read: pure functions of them, the status and the time.

On record is what was seen last. What was seen of a VIM that cannot be reached any more is no longer known, so it reads
UNKNOWN, whatever was true. A certificate ends by itself, and needs no probe for that.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from vimesh.domain.conditions.conditions import (
    CERTIFICATE_VALID,
    ENDPOINT_PREFIX,
    LOGGED_IN,
    REACHABLE,
    SERVICE_READY,
    Certificate,
    ConditionStatus,
    TimedCondition,
)
from vimesh.domain.probing import Depth, ProbePolicy, Reason
from vimesh.domain.vims import Status

MAX_CONDITIONS: Final = 64
"""Conditions that a VIM may have on record."""
NOT_REACHABLE: Final = "NOT_REACHABLE"
"""The VIM has another status than REACHABLE, so nobody knows."""
EXPIRED: Final = "EXPIRED"
REMOVED: Final = "REMOVED"
"""Only in changes: the condition is not on record any more."""
_ENDPOINT = re.compile(r"Endpoint/[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_DEPTHS: Final = {SERVICE_READY: Depth.SERVICE, LOGGED_IN: Depth.LOGIN, CERTIFICATE_VALID: Depth.API}
_OF_STATUS: Final = {
    Status.REACHABLE: ConditionStatus.TRUE,
    Status.UNREACHABLE: ConditionStatus.FALSE,
}


def is_reportable(type_: str) -> bool:
    """Return whether monitors may report a condition of this type."""
    return type_ in _DEPTHS or _ENDPOINT.fullmatch(type_) is not None


def applies(type_: str, policy: ProbePolicy) -> bool:
    """Return whether monitors look so deep that they can tell a condition."""
    if type_.startswith(ENDPOINT_PREFIX):
        return policy.reaches(Depth.LOGIN)
    # A type of a later release is left as it is.
    depth = _DEPTHS.get(type_)
    return depth is None or policy.reaches(depth)


def needs_reachability(type_: str) -> bool:
    """Return whether a condition is not known of a VIM that cannot be reached."""
    return type_ != CERTIFICATE_VALID


def expiry_message(certificate: Certificate) -> str:
    """Say of a certificate that is over when it ended."""
    return f"it ended at {certificate.not_after:%Y-%m-%d %H:%M:%S}Z"


def told(  # noqa: PLR0913 - what is on record, the status of the VIM, and the time
    seen: Iterable[TimedCondition],
    certificate: Certificate | None,
    now: dt.datetime,
    *,
    status: Status,
    reason: str,
    status_time: dt.datetime,
) -> tuple[TimedCondition, ...]:
    """Return the conditions as they read, and `Reachable` among them, in the order of the alphabet.

    `seen`: those on record. `status`, `reason` and `status_time` are those of the VIM as they read at the time.
    """
    of_status = _OF_STATUS.get(status, ConditionStatus.UNKNOWN)
    reachable = TimedCondition(REACHABLE, of_status, reason, "", status_time)
    found = [reachable]
    for one in seen:
        if needs_reachability(one.type) and status is not Status.REACHABLE:
            found.append(_unknown(one, status, reason, status_time))
        elif one.type == CERTIFICATE_VALID and certificate is not None and certificate.not_after <= now:
            found.append(_expired(one, certificate))
        else:
            found.append(one)
    return tuple(sorted(found, key=lambda one: one.type))


def _unknown(seen: TimedCondition, status: Status, reason: str, status_time: dt.datetime) -> TimedCondition:
    because = f"the VIM is {status} ({reason})" if reason else f"the VIM is {status}"
    return TimedCondition(
        seen.type,
        ConditionStatus.UNKNOWN,
        Reason.SILENT if reason == Reason.SILENT else NOT_REACHABLE,
        f"{because}; it was {seen.status} when it was seen last",
        status_time if seen.status is not ConditionStatus.UNKNOWN else seen.transition_time,
    )


def _expired(seen: TimedCondition, certificate: Certificate) -> TimedCondition:
    if seen.status is ConditionStatus.FALSE and seen.reason == EXPIRED:
        return seen
    was_false = seen.status is ConditionStatus.FALSE
    since = seen.transition_time if was_false else certificate.not_after
    return replace(
        seen, status=ConditionStatus.FALSE, reason=EXPIRED, message=expiry_message(certificate), transition_time=since
    )
