"""Checks the reports that are not plain against the rules; one that breaks a rule is refused on its own."""

from __future__ import annotations

from collections.abc import Sequence

from vimesh.domain.errors import BadInput
from vimesh.domain.vims import Report
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest
from vimesh.wire import request_messages
from vimesh.wire.message_rules import EntryRules, Rules


async def check_separately(
    messages: Sequence[UpdateVimRequest], plain_reports: Sequence[Report | None], rules: Rules, reporter: str
) -> list[Report | BadInput]:
    """Return the report in each message, or its refusal. `plain_reports` holds the reports already read, else None."""
    entry_rules = EntryRules(rules)

    def check(one: tuple[UpdateVimRequest, Report | None]) -> Report | BadInput:
        message, report = one
        if report is not None:
            return report
        try:
            entry_rules.check(message)
        except BadInput as error:
            return error.with_traceback(None)
        return request_messages.report(message, reporter)

    return await in_slices(check, zip(messages, plain_reports, strict=True))
