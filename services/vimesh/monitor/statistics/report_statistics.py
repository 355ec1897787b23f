"""Counts verdicts and how reports of them fare, in plain numbers that any thread may read."""

from __future__ import annotations

from typing import Final

from vimesh.domain.vims import Status

OK: Final = "ok"
"""The result of a batch that was answered. Others have their gRPC status in lower case, or one of these two words."""
UNWRITABLE: Final = "unwritable"
BAD_ANSWER: Final = "bad_answer"


class ReportingStatistics:
    def __init__(self) -> None:
        self.verdicts = dict.fromkeys((Status.REACHABLE, Status.UNREACHABLE, Status.UNKNOWN), 0)
        """Changed verdicts, and the first ones of actions."""
        self.batches: dict[str, int] = {OK: 0}
        """Calls that report, by result."""
        self.bad_actions = 0
        """Reports that were answered with bad_action."""

    def count_batch(self, result: str) -> None:
        self.batches[result] = self.batches.get(result, 0) + 1
