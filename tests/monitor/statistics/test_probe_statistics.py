"""What rounds count, in simulated time."""

from __future__ import annotations

import socket

import pytest

from tests.support.probers.actions import action
from tests.support.probers.scripted_prober import IN_LINE, TICK_S, Reply, SimulatedHost
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.names.name_answers import LookupFailed, NoSuchName, Outcome
from vimesh.monitor.net.ip_addresses import IpHost
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.statistics.probe_statistics import HTTP_ERROR, LookupResult

URL = "http://10.0.0.1:5000/v3"
NAMED_URL = "http://vim.example:5000"
POLICY = ProbePolicy(interval_s=10)
FAULT = LocalFault(Reason.LOCAL_NO_ROUTE, "")


def after_one_round(
    reply: Reply, *, status: Status, url: str = URL, names: dict[str, Outcome] | None = None
) -> SimulatedHost:
    host = SimulatedHost(lambda _, __: reply, names=names)
    host.start(action(url, POLICY))
    while not host.verdicts.all:
        host.run(TICK_S)
    assert host.statuses() == [status]
    return host


def test_an_answer_is_a_round_a_probe_and_a_round_trip() -> None:
    host = after_one_round(0.02, status=Status.REACHABLE)
    host.run(100)

    counted = host.statistics.by_method[Method.HTTP]
    assert host.statistics.rounds == counted.probes == sum(counted.round_trips.counts) == len(host.sent) > 10
    assert counted.round_trips.total == pytest.approx(0.02 * counted.probes)
    assert not counted.failures
    assert not host.statistics.by_method[Method.PING].probes


@pytest.mark.parametrize(
    ("reply", "status", "failures"),
    [
        (None, Status.UNREACHABLE, {Reason.TIMEOUT: 3}),
        ((0.01, Reason.REFUSED), Status.UNREACHABLE, {Reason.REFUSED: 3}),
        ((0.01, Reason.http(503)), Status.UNREACHABLE, {HTTP_ERROR: 3}),
        (0.8, Status.REACHABLE, {}),
        (FAULT, Status.UNKNOWN, {Reason.LOCAL_NO_ROUTE: 4}),
    ],
    ids=str,
)
def test_each_probe_of_a_bad_round_counts_with_its_reason(
    reply: Reply, status: Status, failures: dict[str, int]
) -> None:
    host = after_one_round(reply, status=status)

    counted = host.statistics.by_method[Method.HTTP]
    assert host.statistics.rounds == 1
    assert counted.failures == failures
    assert counted.probes >= sum(failures.values())


def test_a_probe_that_waits_for_a_socket_is_none_yet() -> None:
    host = SimulatedHost(lambda _, __: IN_LINE)
    host.start(action(URL, POLICY))

    host.run(1)

    assert host.statistics.rounds == 1
    assert not host.statistics.by_method[Method.HTTP].probes


@pytest.mark.parametrize(
    ("outcome", "status", "failures", "result"),
    [
        ((IpHost(socket.AF_INET, "10.0.0.1"),), Status.REACHABLE, set(), LookupResult.ADDRESSES),
        (NoSuchName("no"), Status.UNREACHABLE, {Reason.DNS}, LookupResult.NO_SUCH_NAME),
        (LookupFailed("no"), Status.UNKNOWN, {Reason.LOCAL_RESOLVER}, LookupResult.FAILED),
    ],
    ids=str,
)
def test_names_are_counted_by_what_asking_for_them_came_to(
    outcome: Outcome, status: Status, failures: set[str], result: LookupResult
) -> None:
    host = after_one_round(0.02, status=status, url=NAMED_URL, names={"vim.example": outcome})

    assert {word for word, count in host.statistics.lookups.items() if count} == {result}
    assert host.statistics.by_method[Method.HTTP].failures.keys() == failures


def test_an_action_whose_rounds_do_not_end_counts_as_stuck() -> None:
    host = SimulatedHost(lambda _, __: 0.02)
    target = host.start(action(URL, POLICY))
    host.run(1)
    target.ended_at -= 3600

    assert host.rounds.recheck(target)

    assert host.statistics.by_method[Method.HTTP].failures == {Reason.LOCAL_STUCK: 1}
