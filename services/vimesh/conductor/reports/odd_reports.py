"""Reports that are not plain: each is judged by the rules, and refused alone if it breaks one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vimesh.domain.errors import BadInput
from vimesh.domain.vims import Report
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest
from vimesh.wire import request_messages
from vimesh.wire.message_rules import Rules

_FULLY_JUDGED: Final = 20
"""Refusals of one call that name all broken fields: each name takes 30 us. Later refusals name the first field only."""


async def judge_apart(
    messages: Sequence[UpdateVimRequest], plain: Sequence[Report | None], rules: Rules
) -> list[Report | BadInput]:
    """Return the reports, given those that are plain, with the refusal in place of each that breaks a rule."""
    refused = 0

    def judge(one: tuple[UpdateVimRequest, Report | None]) -> Report | BadInput:
        nonlocal refused
        message, report = one
        if report is not None:
            return report
        try:
            rules.check(message, first_only=refused >= _FULLY_JUDGED)
        except BadInput as error:
            refused += 1
            return error.with_traceback(None)
        return request_messages.report(message)

    return await in_slices(judge, zip(messages, plain, strict=True))
