from __future__ import annotations

import socket

import pytest

from vimesh.domain.probing import Reason
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.tls.handshake_costs import BURST_S, COSTLY_S, MEMORY_S, SHARE, HandshakeCosts

COSTLY = ProbeAddress(socket.AF_INET, ("192.0.2.1", 443))
USUAL = ProbeAddress(socket.AF_INET, ("192.0.2.2", 443))


class Time:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def costs(time: Time) -> HandshakeCosts:
    return HandshakeCosts(time)


def test_usual_handshakes_are_never_rationed(costs: HandshakeCosts) -> None:
    for _ in range(1000):
        assert not costs.record(USUAL, COSTLY_S / 2, COSTLY_S / 2)
        costs.admit(USUAL)


def test_costly_ones_are_refused_when_their_share_is_used_up(costs: HandshakeCosts) -> None:
    assert costs.record(COSTLY, BURST_S + 0.2, BURST_S + 0.2)

    with pytest.raises(LocalFault, match="its TLS handshakes cost too much CPU: 1200 ms") as refused:
        costs.admit(COSTLY)

    assert refused.value.reason == Reason.LOCAL_RESOURCES
    costs.admit(USUAL)


def test_the_steps_of_a_handshake_count_together(costs: HandshakeCosts) -> None:
    assert not costs.record(COSTLY, 0.03, 0.03)
    assert costs.record(COSTLY, 0.03, 0.06)


def test_in_the_long_run_costly_handshakes_take_their_share_of_a_core(costs: HandshakeCosts, time: Time) -> None:
    spent_s, each_s, run_s = 0.0, 0.4, 500.0
    while time.now_s < run_s:
        time.now_s += 0.5
        try:
            costs.admit(COSTLY)
        except LocalFault:
            continue
        costs.record(COSTLY, each_s, each_s)
        spent_s += each_s

    assert SHARE * run_s <= spent_s <= SHARE * run_s + BURST_S + each_s


def test_a_server_that_was_not_costly_for_long_is_a_usual_one_again(costs: HandshakeCosts, time: Time) -> None:
    costs.record(COSTLY, 5.0, 5.0)
    time.now_s = MEMORY_S / 2
    assert costs.is_costly(COSTLY)

    time.now_s = MEMORY_S + 1

    assert not costs.is_costly(COSTLY)
    costs.admit(COSTLY)


def test_only_so_many_servers_are_remembered(costs: HandshakeCosts) -> None:
    for number in range(5000):
        costs.record(ProbeAddress(socket.AF_INET, (f"10.0.{number // 250}.{number % 250}", 443)), 0.1, 0.1)

    remembered = sum(
        costs.is_costly(ProbeAddress(socket.AF_INET, (f"10.0.{number // 250}.{number % 250}", 443)))
        for number in range(5000)
    )
    assert remembered == 4096
