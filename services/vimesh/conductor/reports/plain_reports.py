"""Reads ordinary reports on a fast path: nearly all of them keep every rule, which shows without running the rules."""

from __future__ import annotations

import re

from google.protobuf.duration_pb2 import Duration

from vimesh.domain.credential_masks import mask_text
from vimesh.domain.vims import Report, Status
from vimesh.v1 import conductor_service_pb2
from vimesh.wire.vim_messages import STATUSES

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,63}").fullmatch
_STATUSES = {value: status for value, status in STATUSES.items() if status is not Status.PENDING}
_LONGEST_ROUND_TRIP_S = 3600
GREATEST_AGE_S = 315_360_000
GREATEST_OBSERVATION = 2**63 - 2**22
NANOS = 1_000_000_000


def plain_report(message: conductor_service_pb2.UpdateVimRequest, reporter: str = "") -> Report | None:
    """Read a report that obviously keeps the rules. None means undecided: check the rules, and read it in full.

    `reporter`: the identity of who calls.

    A test checks that `Rules` and `request_messages.report` accept and read every such report alike.
    """
    vim_id, action_id, status = message.vim_id, message.action_id, _STATUSES.get(message.status)
    reason, detail, observation = message.reason, message.detail, message.observation
    if status is None or not _ID(vim_id) or not 0 < len(action_id) <= 255 or observation > GREATEST_OBSERVATION:
        return None
    if reason and not _REASON(reason):
        return None
    if detail and (len(detail) > 512 or "\0" in detail):
        return None
    round_trip_s, age_s = None, 0.0
    if message.HasField("round_trip") and (round_trip_s := _seconds(message.round_trip, _LONGEST_ROUND_TRIP_S)) is None:
        return None
    if message.HasField("age"):
        message_age_s = _seconds(message.age, GREATEST_AGE_S)
        if message_age_s is None:
            return None
        age_s = message_age_s
    return Report(vim_id, action_id, status, observation, reason, mask_text(detail), round_trip_s, age_s, reporter)


def _seconds(duration: Duration, longest_s: int) -> float | None:
    whole, nanos = duration.seconds, duration.nanos
    return whole + nanos / 1e9 if 0 <= whole < longest_s and 0 <= nanos < NANOS else None
