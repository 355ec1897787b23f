"""Rounds of VIMs given by name, in simulated time: several addresses, names that move, and resolvers in trouble."""

from __future__ import annotations

import socket

import pytest

from tests.support.probers.actions import action
from tests.support.probers.scripted_prober import NEVER, Reply, SimulatedHost
from vimesh.domain.probing import ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.names.name_answers import LookupFailed, NoSuchName, Outcome
from vimesh.monitor.net.ip_addresses import IpHost, ProbeAddress
from vimesh.monitor.probes.base.prober import LocalFault

DEFAULT = ProbePolicy()
NAMED_URL = "http://vim.example:5000"
V4, V6 = IpHost(socket.AF_INET, "10.0.0.1"), IpHost(socket.AF_INET6, "fd00::1")


def test_addresses_without_a_route_are_passed_over_and_the_others_judged() -> None:
    def network(_: float, address: ProbeAddress) -> Reply:
        return None if address.family == V4.family else LocalFault(Reason.LOCAL_NO_ROUTE, "")

    host = SimulatedHost(network, names={"dead.example": (V6, V4), "far.example": (V6,)})
    host.start(action("http://dead.example", DEFAULT, vim_id="dead"))
    host.start(action("http://far.example", DEFAULT, vim_id="far"))
    host.run(5)

    assert host.statuses("dead") == [Status.UNREACHABLE]
    assert host.statuses("far") == [Status.UNKNOWN]


@pytest.mark.parametrize("rise", [1, 2, 3])
@pytest.mark.parametrize("count", [2, 3, 8])
@pytest.mark.parametrize("alive", [0, -1])
def test_a_vim_with_one_living_address_comes_back_within_a_round(count: int, alive: int, rise: int) -> None:
    hosts = tuple(IpHost(socket.AF_INET, f"10.0.0.{number}") for number in range(1, count + 1))
    living = hosts[alive].ip
    host = SimulatedHost(
        lambda at, address: 0.02 if address.sockaddr[0] == living and not 1015 <= at < 1040 else None,
        names={"vim.example": hosts},
    )
    host.start(action("http://vim.example", ProbePolicy(interval_s=5, rise=rise)))

    host.run(40 + 5 + 2 + rise)

    assert host.statuses() == [Status.REACHABLE, Status.UNREACHABLE, Status.REACHABLE]
    assert host.verdicts.all[-1].decided_at <= 1040 + 5 + 2 + rise


def test_a_name_that_moves_is_followed_before_bad_news_is_told() -> None:
    moved = IpHost(V4.family, "10.9.9.9")
    host = SimulatedHost(
        lambda at, address: 0.02 if (address.sockaddr[0] == moved.ip) is (at >= 1017) else None,
        name_service=lambda at, _: (0.05, (moved,) if at >= 1017 else (V4,)),
    )
    host.start(action(NAMED_URL, DEFAULT))

    host.run(60)

    assert host.statuses() == [Status.REACHABLE]
    assert host.sent[-1][1].sockaddr[0] == moved.ip


def test_an_address_that_cannot_be_sent_to_from_here_does_not_hide_the_next() -> None:
    def no_ipv6(_: float, address: ProbeAddress) -> float | LocalFault:
        return 0.02 if address.family == V4.family else LocalFault(Reason.LOCAL_NO_ROUTE, "")

    host = SimulatedHost(no_ipv6, names={"vim.example": (V6, V4)})
    host.start(action("http://vim.example:5000", DEFAULT))
    host.run(15)

    assert host.statuses() == [Status.REACHABLE]


@pytest.mark.parametrize("fall", [1, 3])
def test_a_name_with_a_dead_and_a_living_address_is_reachable_and_the_living_one_is_remembered(fall: int) -> None:
    host = SimulatedHost(
        lambda _, address: 0.02 if address.family == V4.family else None, names={"vim.example": (V6, V4)}
    )
    host.start(action("http://vim.example", ProbePolicy(fall=fall)))
    host.run(5)
    host.sent.clear()

    host.run(30)

    assert host.statuses() == [Status.REACHABLE]
    assert {address for _, address in host.sent} == {V4.address(80)}


def test_a_name_that_does_not_exist_is_unreachable_and_found_when_it_does() -> None:
    host = SimulatedHost(lambda _, __: 0.02, names={"vim.example": NoSuchName("gone")})
    host.start(action("http://vim.example", DEFAULT))
    host.run(5)
    assert [(verdict.status, verdict.reason) for verdict in host.verdicts.all] == [(Status.UNREACHABLE, Reason.DNS)]

    host.names["vim.example"] = (V4,)
    host.run(11)

    assert host.statuses() == [Status.UNREACHABLE, Status.REACHABLE]


def test_a_name_service_that_fails_is_our_fault_and_old_addresses_stay_good() -> None:
    host = SimulatedHost(lambda _, __: 0.02, names={"old.example": (V4,), "new.example": LookupFailed("try again")})
    host.start(action("http://old.example", DEFAULT, vim_id="old"))
    host.run(1)
    host.names["old.example"] = LookupFailed("try again")
    host.start(action("http://new.example", DEFAULT, vim_id="new"))

    host.run(200)

    assert [verdict.status for verdict in host.verdicts.of("old")] == [Status.REACHABLE]
    assert [(verdict.status, verdict.reason) for verdict in host.verdicts.of("new")] == [
        (Status.UNKNOWN, Reason.LOCAL_RESOLVER),
    ]


def test_a_vim_that_moves_to_another_address_is_found_there() -> None:
    moved = IpHost(V4.family, "10.9.9.9")
    host = SimulatedHost(
        lambda at, address: 0.02 if (address.sockaddr[0] == moved.ip) is (at >= 1015) else None,
        names={"vim.example": (V4,)},
    )
    host.start(action("http://vim.example", DEFAULT))
    host.run(15)
    host.names["vim.example"] = (moved,)

    host.run(40)

    assert host.statuses()[-1] is Status.REACHABLE
    assert host.sent[-1][1].sockaddr[0] == moved.ip


@pytest.mark.parametrize(("outcome", "after_s"), [((V4,), NEVER), (LookupFailed("try again"), 0)])
def test_a_resolver_that_goes_away_in_the_middle_of_a_round_leaves_no_round_open(
    outcome: Outcome, after_s: float
) -> None:
    denied = False

    def name_service(at: float, _: str) -> tuple[float, Outcome]:
        nonlocal denied
        if at < 1055:
            return 0, (V4,)
        if not denied:
            denied = True
            return 0, NoSuchName("gone")
        return after_s, outcome

    host = SimulatedHost(lambda at, _: 0.02 if at < 1055 else None, name_service=name_service)
    target = host.start(action(NAMED_URL, DEFAULT))

    host.run(55 + 120)

    assert denied
    assert host.waits(target)
    assert host.statuses() == [Status.REACHABLE, Status.UNREACHABLE, Status.UNKNOWN]
    assert host.verdicts.all[-1].reason == Reason.LOCAL_RESOLVER


def test_who_waits_for_a_resolver_that_never_answers_is_unknown() -> None:
    host = SimulatedHost(lambda _, __: 0.02, name_service=lambda _, __: (NEVER, (V4,)))
    target = host.start(action(NAMED_URL, DEFAULT))

    host.run(60)

    assert [(verdict.status, verdict.reason) for verdict in host.verdicts.all] == [
        (Status.UNKNOWN, Reason.LOCAL_RESOLVER),
    ]
    assert host.waits(target)
