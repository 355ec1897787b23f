"""What callers can make libraries write."""

from __future__ import annotations

import logging

import pytest

from vimesh.cli.processes.log_limits import EVERY_S, LEFT_OUT, LIBRARIES, MAX_CHARACTERS, FewAndShort


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_thousand_lines_of_a_library_are_one_short_line(name: str) -> None:
    now = 0.0
    limit = FewAndShort(clock=lambda: now)

    def passed(message: str) -> tuple[str, int] | None:
        record = logging.LogRecord(name, logging.ERROR, "", 0, "Invalid encoding on %s", (message,), None)
        return (record.getMessage(), getattr(record, LEFT_OUT, 0)) if limit.filter(record) else None

    lines = [passed("\x98" * 60_000) for _ in range(1000)]
    now = EVERY_S
    lines.append(passed("a"))

    told = [line for line in lines if line is not None]
    assert [(len(line), left_out) for line, left_out in told[:1]] == [(MAX_CHARACTERS, 0)]
    assert told[1:] == [("Invalid encoding on a", 999)]
