"""A monitor that cannot reach its references accuses nobody (G16), in simulated time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.probers.actions import action
from tests.support.probers.scripted_prober import TICK_S, Reply, SimulatedHost
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.names.name_answers import NoSuchName
from vimesh.monitor.net.ip_addresses import IpHost, ProbeAddress
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.references import uplink as uplink_module
from vimesh.monitor.references.uplink import HOLD_LIMIT_S, INTERVAL_S, SPACING_S, Uplink
from vimesh.monitor.rounds import reference_steps
from vimesh.monitor.rounds.reference_steps import ROUNDS_PER_S

URL = "http://10.0.0.1:5000/v3"
POLICY = ProbePolicy(Method.TCP, interval_s=10, timeout_s=1, fall=3)
BEGIN = 1000.0


def lost(at: float, round_trip_s: float, begin: float, length: float) -> float | None:
    """Return the round trip, or None if question or answer fall into the outage."""
    return None if at + round_trip_s >= begin and at < begin + length else round_trip_s


def behind(begin: float, length: float, round_trip_s: float = 0.02) -> Callable[[float, ProbeAddress], Reply]:
    """Return a network that is away for a while."""
    return lambda at, _: lost(at, round_trip_s, begin, length)


@settings(max_examples=60, deadline=None)
@given(
    begin=st.floats(BEGIN + 12, BEGIN + 23),
    length=st.floats(0.05, 15),
    of_vim=st.floats(0.001, 0.45),
    of_references=st.floats(0.001, 0.9),
    fall=st.integers(2, 4),
)
def test_an_outage_of_our_network_accuses_nobody_whenever_it_comes_and_however_long_it_is(
    begin: float, length: float, of_vim: float, of_references: float, fall: int
) -> None:
    policy = ProbePolicy(Method.TCP, interval_s=10, timeout_s=1, fall=fall)
    host = SimulatedHost(behind(begin, length, of_vim), references=lambda at: lost(at, of_references, begin, length))
    for number in range(7):
        host.start(action(URL, policy, vim_id=str(number)))

    host.run(50)

    for number in range(7):
        assert Status.UNREACHABLE not in host.statuses(str(number))
        assert host.statuses(str(number))[-1] is Status.REACHABLE


@pytest.mark.parametrize("fall", [1, 3])
def test_while_no_reference_answers_all_vims_read_unknown_and_afterwards_as_before(fall: int) -> None:
    policy = ProbePolicy(Method.TCP, interval_s=5, timeout_s=1, fall=fall)
    host = SimulatedHost(
        lambda at, address: None if address.sockaddr[0] == "10.0.0.2" else lost(at, 0.02, BEGIN + 20, 20),
        references=lambda at: lost(at, 0.01, BEGIN + 20, 20),
    )
    for number in range(10):
        host.start(action(URL, policy, vim_id=str(number)))
    host.start(action("http://10.0.0.2:5000", policy, vim_id="down"))

    host.run(38)
    assert {host.verdicts.of(str(number))[-1].reason for number in range(10)} == {Reason.LOCAL_NETWORK}
    assert host.verdicts.of("down")[-1].reason == Reason.LOCAL_NETWORK
    host.run(22)

    for number in range(10):
        assert host.statuses(str(number)) == [Status.REACHABLE, Status.UNKNOWN, Status.REACHABLE]
    assert host.statuses("down") == [Status.UNREACHABLE, Status.UNKNOWN, Status.UNREACHABLE]


def test_vims_that_were_lost_with_our_network_are_probed_as_soon_as_it_is_back_and_not_all_at_once() -> None:
    policy = ProbePolicy(Method.TCP, interval_s=10_000, timeout_s=1, fall=1)
    host = SimulatedHost(behind(BEGIN, 20), references=lambda at: lost(at, 0.01, BEGIN, 20))
    for number in range(1000):
        host.start(action(f"http://10.0.{number // 250}.{number % 250}:5000", policy, vim_id=str(number)))
    gone = host.start(action(URL, policy, vim_id="gone"))
    host.run(19)
    assert host.statuses("0") == host.statuses("999") == host.statuses("gone") == [Status.UNKNOWN]
    host.rounds.dismiss(gone)
    host.sent.clear()

    host.run(3)

    assert all(host.statuses(str(number)) == [Status.UNKNOWN, Status.REACHABLE] for number in range(1000))
    assert host.statuses("gone") == [Status.UNKNOWN]
    times = [at for at, _ in host.sent]
    assert 1000 <= len(times) < 1010  # some had their turn meanwhile
    # The references are asked twice a second while they fail.
    assert BEGIN + 20 < min(times[5:]) < BEGIN + 20.6
    assert max(Counter(times).values()) <= 1.5 * TICK_S * ROUNDS_PER_S


def test_vims_without_a_route_while_our_network_was_away_are_probed_when_it_is_back() -> None:
    """A link that is down has no route; but a VIM that never has one is not probed more often for it."""
    policy = ProbePolicy(Method.TCP, interval_s=10_000, timeout_s=1, fall=1)
    no_route = LocalFault(Reason.LOCAL_NO_ROUTE, "Network is unreachable")

    def network(at: float, address: ProbeAddress) -> Reply:
        return no_route if address.sockaddr[0] == "10.0.0.2" or BEGIN <= at < BEGIN + 20 else 0.02

    host = SimulatedHost(network, references=lambda at: lost(at, 0.01, BEGIN, 20))
    host.start(action(URL, policy, vim_id="vim"))
    host.start(action("http://10.0.0.2:5000", policy, vim_id="never"))
    host.run(19)
    assert [host.verdicts.of(vim_id)[-1].reason for vim_id in ("vim", "never")] == [Reason.LOCAL_NO_ROUTE] * 2
    before = len(host.sent)

    host.run(30)

    assert host.statuses("vim") == [Status.UNKNOWN, Status.REACHABLE]
    assert host.statuses("never") == [Status.UNKNOWN]
    assert len(host.sent) <= before + 4  # one round each


def test_an_outage_of_our_network_does_not_cut_the_time_short_for_which_failures_are_borne() -> None:
    down = BEGIN + 15
    host = SimulatedHost(
        lambda at, _: None if at >= down else 0.02, references=lambda at: lost(at, 0.01, BEGIN + 30, 15)
    )
    host.start(action(URL, ProbePolicy(Method.TCP, interval_s=5, timeout_s=1, fall=1, fail_for_s=60)))

    host.run(120)

    assert host.statuses() == [Status.REACHABLE, Status.UNKNOWN, Status.UNREACHABLE]
    failed_at = next(at for at, _ in host.sent if at >= down)
    assert 60 <= host.verdicts.all[-1].decided_at - failed_at < 62


@pytest.mark.parametrize("failure", [None, (0.01, Reason.REFUSED)], ids=["silence", "refusal"])
@pytest.mark.parametrize("fall", [1, 3])
def test_a_true_outage_is_told_as_soon_as_without_references(failure: Reply, fall: int) -> None:
    def told_at(references: Callable[[float], float | None] | None) -> float:
        policy = ProbePolicy(Method.TCP, interval_s=10, timeout_s=1, fall=fall)
        host = SimulatedHost(lambda at, _: 0.02 if at < BEGIN + 15 else failure, references=references)
        host.start(action(URL, policy))
        host.run(40)
        assert host.statuses() == [Status.REACHABLE, Status.UNREACHABLE]
        return host.verdicts.all[-1].decided_at

    assert told_at(lambda _: 0.02) - told_at(None) < 0.3
    assert told_at(lambda _: 0.6) - told_at(None) < 1.2


def test_vims_that_fail_before_the_references_are_asked_wait_for_them() -> None:
    """The order of an outage: VIMs refuse at once, and what the references say comes later."""
    cut = BEGIN + 15.3
    host = SimulatedHost(
        lambda at, _: 0.02 if at < cut else (0.01, Reason.HOST_UNREACHABLE),
        references=lambda at: 0.01 if at < cut else None,
    )
    policy = ProbePolicy(Method.TCP, interval_s=10, timeout_s=1, fall=1)
    for number in range(50):
        host.start(action(URL, policy, vim_id=str(number)))

    host.run(40)

    for number in range(50):
        verdicts = host.verdicts.of(str(number))
        assert [verdict.status for verdict in verdicts] == [Status.REACHABLE, Status.UNKNOWN]
        assert verdicts[-1].reason == Reason.LOCAL_NETWORK


def test_many_vims_that_fail_together_ask_the_references_together() -> None:
    host = SimulatedHost(lambda at, _: 0.02 if at < BEGIN + 20 else None, references=lambda _: 0.02)
    for number in range(500):
        host.start(action(URL, POLICY, vim_id=str(number)))
    host.run(20)
    before = len(host.asked)

    host.run(12)

    assert all(host.statuses(str(number)) == [Status.REACHABLE, Status.UNREACHABLE] for number in range(500))
    assert len(host.asked) - before <= 12 / SPACING_S
    host.asked.clear()
    host.run(30)
    assert len(host.asked) == pytest.approx(30 / INTERVAL_S, abs=2)


def test_references_that_are_slow_are_references() -> None:
    host = SimulatedHost(lambda at, _: 0.02 if at < BEGIN + 20 else None, references=lambda _: 0.85)
    host.start(action(URL, POLICY))

    host.run(40)

    assert host.statuses() == [Status.REACHABLE, Status.UNREACHABLE]
    assert host.uplink is not None
    assert not host.uplink.is_failing


def test_references_that_come_and_go_leave_a_vim_undecided() -> None:
    host = SimulatedHost(
        lambda at, _: 0.02 if at < BEGIN + 20 else (0.01, Reason.REFUSED),
        references=lambda at: 0.01 if at < BEGIN + 20 or at % 2 < 0.05 else None,
    )
    host.start(action(URL, ProbePolicy(Method.TCP, interval_s=2, timeout_s=1, fall=1)))

    host.run(60)

    assert host.statuses() == [Status.REACHABLE, Status.UNKNOWN]


def test_a_name_without_an_address_waits_for_the_references_too() -> None:
    name = "vim.example"
    there = (IpHost(2, "10.0.0.1"),)
    host = SimulatedHost(
        lambda at, _: 0.02 if at < BEGIN + 20 else None,
        name_service=lambda at, _: (0.0, there if at < BEGIN + 20 else NoSuchName("no address")),
        references=lambda at: 0.01 if at < BEGIN + 20 else None,
        ageing=100,
    )
    host.start(action(f"http://{name}:5000", POLICY))

    host.run(40)

    assert host.statuses() == [Status.REACHABLE, Status.UNKNOWN]
    assert host.verdicts.all[-1].reason == Reason.LOCAL_NETWORK


def test_a_stopped_vim_is_held_no_longer() -> None:
    host = SimulatedHost(
        lambda at, _: 0.02 if at < BEGIN + 12 else (0.01, Reason.REFUSED),
        references=lambda at: 0.01 if at < BEGIN + 12 else None,
    )
    target = host.start(action(URL, ProbePolicy(Method.TCP, interval_s=2, timeout_s=1, fall=1)))
    while target.stage.name != "HELD":
        host.run(0.01)

    host.rounds.dismiss(target)
    host.run(2 * HOLD_LIMIT_S)

    assert host.statuses() == [Status.REACHABLE]
    assert host.rounds.open_rounds == 0
    assert not host.waits(target)


def test_a_question_never_lies_in_the_past() -> None:
    """It would be taken for a loop that is late."""
    uplink = Uplink(BEGIN)
    assert uplink.due_at == BEGIN
    assert uplink.advance(BEGIN)
    uplink.ask(BEGIN + 0.7)
    assert uplink.due_at == BEGIN + 0.7
    uplink.note_answer(BEGIN, 0.9, BEGIN + 0.9)
    assert uplink.due_at >= BEGIN + 0.9


def test_an_answer_that_comes_after_the_last_probe_may_belong_to_a_network_that_is_back() -> None:
    uplink = Uplink(BEGIN)
    uplink.advance(BEGIN)
    uplink.note_answer(BEGIN, 0.01, BEGIN + 0.01)
    uplink.advance(BEGIN + 9)
    uplink.note_answer(BEGIN + 9, 0.5, BEGIN + 9.5)

    assert uplink.judge(BEGIN + 8.9, BEGIN + 9.4) is uplink_module.Testimony.DOUBTFUL
    assert uplink.judge(BEGIN + 8.9, BEGIN + 9.6) is uplink_module.Testimony.VOUCHED
    assert uplink.judge(BEGIN + 9.1, BEGIN + 9.6) is uplink_module.Testimony.UNDECIDED


def _forgets_the_order(patch: pytest.MonkeyPatch) -> None:
    """Believe the references as long as they are not known to fail."""

    def judge(self: Uplink, begin: float, end: float) -> uplink_module.Testimony:  # noqa: ARG001 - as in the original
        return uplink_module.Testimony.FAILING if self.is_failing else uplink_module.Testimony.VOUCHED

    patch.setattr(Uplink, "judge", judge)


def _believes_any_answer(patch: pytest.MonkeyPatch) -> None:
    """Believe an answer after the outage, too."""
    original = Uplink.judge

    def judge(self: Uplink, begin: float, end: float) -> uplink_module.Testimony:
        word = original(self, begin, end)
        return uplink_module.Testimony.VOUCHED if word is uplink_module.Testimony.DOUBTFUL else word

    patch.setattr(Uplink, "judge", judge)


def _does_not_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reference_steps.ReferenceSteps, "may_accuse", lambda _, __: True)


@pytest.mark.parametrize("mutation", [_forgets_the_order, _believes_any_answer, _does_not_hold])
def test_without_a_part_of_the_rule_somebody_is_accused(
    mutation: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the tests above find it (G16)."""
    mutation(monkeypatch)
    accused = []
    for fifth in range(20):
        begin = BEGIN + 12 + fifth / 5
        host = SimulatedHost(behind(begin, 6), references=lambda at, begin=begin: lost(at, 0.01, begin, 6))  # type: ignore[misc]
        for number in range(7):
            host.start(action(URL, POLICY, vim_id=str(number)))
        host.run(40)
        accused += [verdict for verdict in host.verdicts.all if verdict.status is Status.UNREACHABLE]
    assert accused
