"""A monitor whose loop is late waits longer before it accuses a VIM (Lifeguard)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.probers.actions import action
from tests.support.probers.scripted_prober import SimulatedHost
from vimesh.domain.probing import Method, ProbePolicy
from vimesh.domain.vims import Status
from vimesh.monitor.scheduling.local_health import LATE_S, MAX_FACTOR, MOST_ADDED_S, RECOVERY_S, LocalHealth

URL = "http://10.0.0.1:5000"
POLICY = ProbePolicy(Method.TCP, interval_s=10, timeout_s=1, fall=1)


def test_each_delay_makes_time_limits_longer_and_quiet_makes_them_as_before() -> None:
    health = LocalHealth()
    assert health.factor(100) == 1
    health.note_delay(100, LATE_S / 2)
    assert health.factor(100) == 1

    health.note_delay(100, LATE_S)
    health.note_delay(101, LATE_S)

    assert health.factor(101) == 3
    assert health.factor(101 + RECOVERY_S) == 2
    assert health.factor(101 + 2 * RECOVERY_S) == 1
    assert health.factor(101 + 9 * RECOVERY_S) == 1


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1000))))
def test_it_has_bounds(delays: list[tuple[float, float]]) -> None:
    health, now = LocalHealth(), 0.0
    for pause_s, late_s in delays:
        now += pause_s
        health.note_delay(now, late_s)
        assert 1 <= health.factor(now) <= MAX_FACTOR
        assert 0 <= health.added_s(60.0, now) <= MOST_ADDED_S


@pytest.mark.parametrize("late", [True, False])
def test_a_vim_that_answers_late_is_not_accused_by_a_monitor_that_is_late_itself(*, late: bool) -> None:
    host = SimulatedHost(lambda at, _: 0.02 if at < 1015 else 1.3)
    host.start(action(URL, POLICY))
    host.run(14)
    if late:
        host.stall(1)

    host.run(12)

    assert host.statuses() == ([Status.REACHABLE] if late else [Status.REACHABLE, Status.UNREACHABLE])


def test_a_vim_that_is_silent_is_accused_by_a_late_monitor_too_but_later() -> None:
    host = SimulatedHost(lambda at, _: 0.02 if at < 1015 else None)
    host.start(action(URL, POLICY))
    host.run(14)
    host.stall(0.5)
    assert host.health.factor(host.time) == 3

    host.run(20)

    sent_at = [at for at, _ in host.sent][-2]
    assert host.statuses() == [Status.REACHABLE, Status.UNREACHABLE]
    # Half a second of that is the stall, which the simulated wheel does not know of.
    assert host.verdicts.all[-1].decided_at - sent_at == pytest.approx(2 - 0.5, abs=0.05)


def test_a_late_monitor_calls_no_vim_reachable_that_answers_too_late() -> None:
    host = SimulatedHost(lambda _, __: 1.3)
    host.start(action(URL, POLICY))
    host.run(5)
    host.stall(3)

    host.run(30)

    assert host.statuses() == [Status.UNREACHABLE]
