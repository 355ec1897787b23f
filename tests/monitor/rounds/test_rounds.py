"""Rounds in simulated time: when probes go out, and when verdicts fall."""

from __future__ import annotations

import itertools
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.probers.actions import action
from tests.support.probers.scripted_prober import IN_LINE, NEVER, TICK_S, Reply, SimulatedHost
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.names.name_answers import LookupFailed, NoSuchName, Outcome
from vimesh.monitor.net.ip_addresses import IpHost
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.rounds.naming_steps import NAMING_LIMIT_S
from vimesh.monitor.targets.target import OVERDUE_MARGIN_S, Stage

DEFAULT = ProbePolicy()
URL = "http://10.0.0.1:5000/v3"
NAMED_URL = "http://vim.example:5000"
V4, V6 = IpHost(socket.AF_INET, "10.0.0.1"), IpHost(socket.AF_INET6, "fd00::1")


def times(host: SimulatedHost) -> list[float]:
    """When probes were sent, since the first one."""
    return [round(at - host.sent[0][0], 6) for at, _ in host.sent]


def test_a_new_action_is_probed_at_once_and_then_in_its_own_phase() -> None:
    host = SimulatedHost(lambda _, __: 0.02)
    for number in range(100):
        host.start(action(URL, DEFAULT, vim_id=f"vim-{number}"))
    host.run(0.1)
    assert len(host.sent) == len(host.verdicts.all) == 100

    host.run(10)

    assert len(host.sent) == pytest.approx(200, abs=1)
    seconds = [int(at - host.sent[0][0]) for at, _ in host.sent[100:]]
    assert all(seconds.count(second) for second in range(10))


def test_a_vim_that_falls_silent_is_unreachable_within_the_interval_and_two_seconds() -> None:
    host = SimulatedHost(lambda at, _: 0.02 if at < 1015 else None)
    host.start(action(URL, DEFAULT))

    host.run(15 + 10 + 2)

    assert host.statuses() == [Status.REACHABLE, Status.UNREACHABLE]
    lost = [at for at, _ in host.sent if at >= 1015]
    assert [round(at - lost[0], 1) for at in lost] == [0, 0.3, 0.5]
    assert 1.24 <= host.verdicts.all[1].decided_at - lost[0] <= 1.75
    assert host.verdicts.all[1].reason == Reason.TIMEOUT


def test_a_vim_that_refuses_is_unreachable_as_soon_as_it_refused_often_enough() -> None:
    host = SimulatedHost(lambda _, __: (0.01, Reason.REFUSED))
    host.start(action(URL, DEFAULT))

    host.run(1)

    assert times(host) == pytest.approx([0, 0.25, 0.5], abs=0.04)
    assert [(verdict.status, verdict.reason) for verdict in host.verdicts.all] == [
        (Status.UNREACHABLE, Reason.REFUSED),
    ]


LATE = Status.UNREACHABLE


@pytest.mark.parametrize("fall", [1, 3])
@pytest.mark.parametrize("rise", [1, 2])
@pytest.mark.parametrize(("latency_s", "status"), [(0.8, Status.REACHABLE), (0.97, Status.REACHABLE), (1.2, LATE)])
def test_a_latency_has_one_verdict_for_new_steady_and_recovering_vims(
    latency_s: float, status: Status, *, fall: int, rise: int
) -> None:
    policy = ProbePolicy(fall=fall, rise=rise)

    def settled_after(earlier: float | None, *, seconds: float = 60) -> Status:
        host = SimulatedHost(lambda at, _: earlier if at < 1030 else latency_s)
        host.start(action(URL, policy))
        host.run(30 + seconds)
        return host.statuses()[-1]

    always = SimulatedHost(lambda _, __: latency_s)
    always.start(action(URL, policy))
    always.run(60)

    assert always.statuses() == [status]
    assert settled_after(0.02) is status
    assert settled_after(None) is status


def test_a_stall_makes_no_late_answer_timely() -> None:
    # Its time is taken off once, by the prober that dates the answer.
    host = SimulatedHost(lambda _, __: None)
    target = host.start(action(URL, ProbePolicy(timeout_s=1.0, fall=1)))
    host.run(TICK_S)
    host.stall(2)

    host.rounds.record_answer(target, 1, 1.2)
    host.run(10)

    assert host.statuses() == [Status.UNREACHABLE]


def test_failures_are_borne_for_as_long_as_the_policy_says() -> None:
    host = SimulatedHost(lambda at, _: (0.01, Reason.REFUSED) if at % 30 < 4 else 0.02)
    host.start(action(URL, ProbePolicy(interval_s=5, fail_for_s=6)))

    host.run(300)

    assert host.statuses() == [Status.REACHABLE]


def test_what_lasts_longer_than_the_policy_bears_is_told_when_that_is_over() -> None:
    host = SimulatedHost(lambda at, _: (0.01, Reason.REFUSED) if at >= 1020 else 0.02)
    host.start(action(URL, ProbePolicy(interval_s=10, fail_for_s=15)))

    host.run(60)

    failed = next(at for at, _ in host.sent if at >= 1020)
    assert host.statuses() == [Status.REACHABLE, Status.UNREACHABLE]
    assert 15 <= host.verdicts.all[1].decided_at - failed <= 15 + 1


def test_a_dead_vim_is_probed_once_per_interval() -> None:
    host = SimulatedHost(lambda _, __: None)
    host.start(action(URL, DEFAULT))
    host.run(20)
    host.sent.clear()

    host.run(100)

    assert len(host.sent) == 10
    assert host.statuses() == [Status.UNREACHABLE]


def test_a_vim_that_comes_back_is_reachable_when_it_answers() -> None:
    host = SimulatedHost(lambda at, _: None if at < 1050 else 0.5)
    host.start(action(URL, ProbePolicy(rise=3)))

    host.run(65)

    back = [at for at, _ in host.sent if at >= 1050]
    assert host.statuses() == [Status.UNREACHABLE, Status.REACHABLE]
    assert host.verdicts.all[1].decided_at - back[0] <= 3 * 0.5 + 3 * 2 * TICK_S


def test_a_round_that_is_longer_than_the_interval_does_not_meet_the_next() -> None:
    host = SimulatedHost(lambda _, __: None)
    host.start(action(URL, ProbePolicy(interval_s=0.5, timeout_s=0.4, fall=10)))

    host.run(30)

    assert host.statuses() == [Status.UNREACHABLE]
    later = [b - a for a, b in zip(times(host)[10:], times(host)[11:], strict=False)]
    assert min(later) >= 0.4


def test_an_action_that_is_dismissed_sends_no_more() -> None:
    host = SimulatedHost(lambda _, __: None)
    target = host.start(action(URL, DEFAULT))
    host.run(0.3)

    host.rounds.dismiss(target)
    host.run(60)

    assert len(host.sent) == 2
    assert host.statuses() == []
    assert host.rounds.open_rounds == 0


def test_a_machine_without_a_route_calls_nobody_unreachable() -> None:
    fault = LocalFault(Reason.LOCAL_NO_ROUTE, "no route")
    host = SimulatedHost(lambda at, _: fault if 1015 <= at < 1060 else 0.02)
    host.start(action(URL, DEFAULT))

    host.run(80)

    assert host.statuses() == [Status.REACHABLE, Status.UNKNOWN, Status.REACHABLE]
    assert host.verdicts.all[1].reason == Reason.LOCAL_NO_ROUTE


def test_who_waits_for_a_socket_for_too_long_is_unknown() -> None:
    host = SimulatedHost(lambda at, _: 0.02 if at < 1015 else IN_LINE)
    target = host.start(action(URL, DEFAULT))

    host.run(80)

    assert [(verdict.status, verdict.reason) for verdict in host.verdicts.all] == [
        (Status.REACHABLE, ""),
        (Status.UNKNOWN, Reason.LOCAL_RESOURCES),
    ]
    assert host.waits(target)


def test_a_verdict_is_not_held_up_when_rounds_do_not_end_and_they_begin_again() -> None:
    host = SimulatedHost(lambda _, __: 0.02)
    target = host.start(action(URL, DEFAULT))
    host.run(15)
    host.lose(target)
    host.run(20)
    assert not host.rounds.recheck(target)  # a round may be late

    host.run(30)
    assert host.rounds.recheck(target)
    assert not host.rounds.recheck(target)  # said once
    host.run(11)

    assert host.statuses() == [Status.REACHABLE, Status.UNKNOWN, Status.REACHABLE]
    assert host.verdicts.all[1].reason == Reason.LOCAL_STUCK
    assert host.rounds.open_rounds == 0


def test_a_vim_that_is_slow_by_nature_gets_one_probe_a_round() -> None:
    host = SimulatedHost(lambda _, __: 0.6)
    host.start(action(URL, DEFAULT))
    host.run(5)
    host.sent.clear()

    host.run(100)

    assert len(host.sent) == 10
    assert host.statuses() == [Status.REACHABLE]


def test_a_slow_vim_that_falls_silent_is_unreachable_after_no_more_than_its_time_outs() -> None:
    host = SimulatedHost(lambda at, _: 0.9 if at < 1015 else None)
    host.start(action(URL, DEFAULT))

    host.run(30)

    lost = next(at for at, _ in host.sent if at >= 1015)
    assert host.statuses() == [Status.REACHABLE, Status.UNREACHABLE]
    assert host.verdicts.all[1].decided_at - lost <= 3 * 1 + 5 * TICK_S


REPLIES = st.sampled_from([0.01, 0.3, 0.9, None, (0.01, Reason.REFUSED), (0.6, "HTTP_503"), IN_LINE])
FAULTS = st.builds(lambda: LocalFault(Reason.LOCAL_RESOURCES, ""))
OUTCOMES = st.sampled_from([(V4,), (V6, V4), (V6,), NoSuchName("gone"), LookupFailed("try again")])
LOOKUPS = st.tuples(st.sampled_from([0, 0.5, 3, 30, NEVER]), OUTCOMES)


@settings(max_examples=30, deadline=None)
@given(
    replies=st.lists(REPLIES | FAULTS, min_size=1, max_size=40),
    lookups=st.none() | st.lists(LOOKUPS, min_size=1, max_size=10),
    fall=st.integers(1, 5),
    rise=st.integers(1, 5),
    method=st.sampled_from(Method),
)
def test_whatever_the_network_does_rounds_go_on_and_are_polite(
    replies: list[Reply],
    lookups: list[tuple[float, Outcome]] | None,
    *,
    fall: int,
    rise: int,
    method: Method,
) -> None:
    """With lookups, the VIM is given by name."""
    network, name_service = itertools.cycle(replies), itertools.cycle(lookups or [])
    host = SimulatedHost(lambda _, __: next(network), name_service=lambda _, __: next(name_service), ageing=20)
    policy = ProbePolicy(method, interval_s=5, timeout_s=1, fall=fall, rise=rise)
    target = host.start(action(NAMED_URL if lookups else URL, policy))
    # The wheel is looked at once a tick.
    longest_s = 2 * 5 + (fall + rise) * 1 * (2 if lookups else 1) + OVERDUE_MARGIN_S + NAMING_LIMIT_S + 2 * TICK_S

    ended_at, serial = host.time, target.serial
    for _ in range(int(80 / TICK_S)):
        host.run(TICK_S)
        assert host.waits(target)
        # A round that ended late may be followed by the next one within the tick.
        if target.stage is Stage.IDLE or target.serial != serial:
            ended_at, serial = host.time, target.serial
        assert host.time - ended_at <= longest_s
        assert host.rounds.open_rounds == (target.stage is not Stage.IDLE)

    if lookups or IN_LINE in replies:
        return  # a round that ended late may be followed by the next one at once
    gaps = [b - a for a, b in zip(times(host), times(host)[1:], strict=False)]
    assert max(gaps) <= 5 + 2 * (fall + rise) + 1
    # The first round is outside the phase: the second one may follow close.
    assert sum(gap < 0.25 - TICK_S for gap in gaps) <= 1
