"""Returns the guarantees that were broken in a recorded run: pure, and the same for the same history."""

from __future__ import annotations

from tests.simulation.robustness.checks.check_people import check_calls, check_people
from tests.simulation.robustness.checks.check_reports import check_reports
from tests.simulation.robustness.checks.check_statuses import check_statuses
from tests.simulation.robustness.checks.check_watches import check_log, check_watches
from tests.simulation.robustness.checks.scenario_rules import check_scenario
from tests.simulation.robustness.checks.violations import Violation
from tests.simulation.robustness.history import Record

_RULES = (check_log, check_watches, check_reports, check_statuses, check_people, check_calls, check_scenario)


def check(record: Record) -> list[Violation]:
    return [violation for rule in _RULES for violation in rule(record)]
