"""Says which files of tests took longest: a run with several workers ends when the last of them has ended its file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from operator import itemgetter

import pytest


def longest_files(reports: Iterable[object], most: int) -> list[tuple[str, float]]:
    """Return the files that took longest, and their seconds, of the reports on all phases of their tests."""
    seconds = defaultdict[str, float](float)
    for report in reports:
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    return sorted(seconds.items(), key=itemgetter(1), reverse=True)[:most]
