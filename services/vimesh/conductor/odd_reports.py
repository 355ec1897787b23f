"""Reports that are not plain: each is judged by the rules, and refused alone if it breaks one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from vimesh.conductor import from_wire
from vimesh.domain.errors import BadInput
from vimesh.domain.vims import Report
from vimesh.rpc.validation import Rules
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest

_AT_ONCE = 20
"""Odd reports that are judged in one go: a few milliseconds, for which other calls wait."""
_FULLY_JUDGED = 20
"""Refusals of one call that name all broken fields: each name takes 30 us. Later refusals name the first field only."""


async def judge_apart(
    messages: Sequence[UpdateVimRequest], plain: Sequence[Report | None], rules: Rules
) -> list[Report | BadInput]:
    """Return the reports, given those that are plain, with the refusal in place of each that breaks a rule."""
    judged: list[Report | BadInput] = []
    odd = refused = 0
    for message, report in zip(messages, plain, strict=True):
        one = report or _judge(message, rules, first_only=refused >= _FULLY_JUDGED)
        judged.append(one)
        refused += isinstance(one, BadInput)
        if report is None:
            odd += 1
            if odd % _AT_ONCE == 0:
                await asyncio.sleep(0)
    return judged


def _judge(message: UpdateVimRequest, rules: Rules, *, first_only: bool) -> Report | BadInput:
    try:
        rules.check(message, first_only=first_only)
    except BadInput as error:
        return error.with_traceback(None)
    return from_wire.report(message)
