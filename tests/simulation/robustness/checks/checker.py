"""Returns the guarantees that were broken in a recorded run: pure, and the same for the same history."""

from __future__ import annotations

from tests.simulation.robustness.checks.check_people import check_calls, check_people
from tests.simulation.robustness.checks.check_reports import check_reports
from tests.simulation.robustness.checks.check_restored import check_restored_reports, check_restored_watches
from tests.simulation.robustness.checks.check_statuses import check_statuses
from tests.simulation.robustness.checks.check_watches import check_log, check_watches
from tests.simulation.robustness.checks.scenario_rules import check_scenario
from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Record
from tests.simulation.robustness.schedule import BACKUP

_RULES = (check_log, check_watches, check_reports, check_statuses, check_people, check_calls, check_scenario)
_RULES_OF_RESTORES = (
    check_log,
    check_restored_watches,
    check_restored_reports,
    check_people,
    check_calls,
    check_scenario,
)
"""What was answered, and changes that watchers saw, may be gone with the log that they were in."""


def check(record: Record) -> list[Violation]:
    rules = _RULES_OF_RESTORES if record.one("run")["scenario"] == BACKUP else _RULES
    return [violation for rule in rules for violation in rule(record)]
