"""Checks the reports that are not plain against the rules; one that breaks a rule is refused on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vimesh.domain.errors import BadInput
from vimesh.domain.vims import Report
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest
from vimesh.wire import request_messages
from vimesh.wire.message_rules import Rules

_FULLY_CHECKED: Final = 20
"""The first refusals of a call name all broken fields, at 30 us per name; later ones name only the first field."""


async def check_separately(
    messages: Sequence[UpdateVimRequest], plain_reports: Sequence[Report | None], rules: Rules, reporter: str
) -> list[Report | BadInput]:
    """Return the report in each message, or its refusal. `plain_reports` holds the reports already read, else None."""
    refused = 0

    def check(one: tuple[UpdateVimRequest, Report | None]) -> Report | BadInput:
        nonlocal refused
        message, report = one
        if report is not None:
            return report
        try:
            rules.check(message, first_only=refused >= _FULLY_CHECKED)
        except BadInput as error:
            refused += 1
            return error.with_traceback(None)
        return request_messages.report(message, reporter)

    return await in_slices(check, zip(messages, plain_reports, strict=True))
