"""In a namespace, where addresses can fall silent."""

from __future__ import annotations

import pytest

from tests.support.networks.namespaces import Namespace
from tests.support.probers.actions import quick_policy
from tests.support.probers.prober import prober_in
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status

PING = quick_policy(Method.PING)
POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


async def test_a_host_that_falls_silent_is_unreachable_and_comes_back(machine: Namespace) -> None:
    addresses = {"v4": "127.1.0.1", "v6": "fd00::1"}
    async with prober_in(machine) as prober:
        prober.start("v4", "http://127.1.0.1", PING)
        prober.start("v6", "http://[fd00::1]:8000", PING)
        for vim_id in addresses:
            await prober.until_status(vim_id, Status.REACHABLE)

        machine.drop(addresses.values())
        for vim_id in addresses:
            assert (await prober.until_status(vim_id, Status.UNREACHABLE)).reason == Reason.TIMEOUT

        machine.undrop(addresses.values())
        for vim_id in addresses:
            await prober.until_status(vim_id, Status.REACHABLE)


async def test_a_router_that_says_no_is_believed_at_once_and_harms_no_other_vim(machine: Namespace) -> None:
    machine.reject(["127.1.0.1", "fd00::1"])
    slow = ProbePolicy(Method.PING, interval_s=60, timeout_s=30)
    healthy = [f"healthy-{number}" for number in range(20)]
    async with prober_in(machine) as prober:
        prober.start("v4", "http://127.1.0.1", slow)
        prober.start("v6", "http://[fd00::1]", slow)
        for number, vim_id in enumerate(healthy):
            prober.start(vim_id, f"http://127.2.0.{number}", quick_policy(Method.PING, fall=1))

        for vim_id in ("v4", "v6"):
            assert (await prober.until_status(vim_id, Status.UNREACHABLE)).reason == Reason.HOST_UNREACHABLE
        for vim_id in healthy:
            await prober.until_status(vim_id, Status.REACHABLE)

    assert {told.status for told in prober.told if told.vim_id in healthy} == {Status.REACHABLE}


async def test_a_network_that_cannot_be_reached_from_here_is_not_the_vims_fault(machine: Namespace) -> None:
    async with prober_in(machine) as prober:
        prober.start("ping", "http://203.0.113.7", PING)
        prober.start("tcp", "http://203.0.113.7", quick_policy(Method.TCP))
        prober.start("ipv6", "http://[2001:db8::1]", PING)

        for vim_id in ("ping", "tcp", "ipv6"):
            assert (await prober.until_status(vim_id, Status.UNKNOWN)).reason == Reason.LOCAL_NO_ROUTE

        machine.run("ip", "route", "add", "local", "203.0.113.0/24", "dev", "lo")
        assert (await prober.until_status("ping", Status.REACHABLE)).reason == ""


async def test_connections_and_requests_into_silence_time_out(machine: Namespace) -> None:
    machine.drop(["127.1.0.1", "fd00::1"])
    async with prober_in(machine) as prober:
        prober.start("tcp", "http://127.1.0.1:5000", quick_policy(Method.TCP))
        prober.start("http", "https://[fd00::1]:5000", quick_policy(Method.HTTP))

        for vim_id in ("tcp", "http"):
            assert (await prober.until_status(vim_id, Status.UNREACHABLE)).reason == Reason.TIMEOUT


async def test_a_prober_without_any_right_to_ping_says_so_and_probes_by_tcp(strict_machine: Namespace) -> None:
    async with prober_in(strict_machine, *POWERLESS) as prober:
        prober.start("ping", "http://127.1.0.1", PING)
        prober.start("tcp", "http://127.1.0.1", quick_policy(Method.TCP))

        assert (await prober.until_status("ping", Status.UNKNOWN)).reason == Reason.LOCAL_PERMISSION
        assert (await prober.until_status("tcp", Status.UNREACHABLE)).reason == Reason.REFUSED

    assert prober.methods == ["HTTP", "TCP"]


async def test_raw_sockets_serve_where_datagram_sockets_are_forbidden(strict_machine: Namespace) -> None:
    strict_machine.reject(["127.1.0.9"])
    async with prober_in(strict_machine) as prober:
        prober.start("v4", "http://127.1.0.1", PING)
        prober.start("v6", "http://[fd00::1]", PING)
        prober.start("rejected", "http://127.1.0.9", PING)

        await prober.until_status("v4", Status.REACHABLE)
        await prober.until_status("v6", Status.REACHABLE)
        assert (await prober.until_status("rejected", Status.UNREACHABLE)).reason == Reason.HOST_UNREACHABLE


@pytest.mark.parametrize("kind", ["machine", "strict_machine"])
async def test_of_many_steady_vims_some_are_rejected_or_lose_their_route_and_the_others_go_on(
    request: pytest.FixtureRequest, kind: str
) -> None:
    """They share their volleys: 200 VIMs in tenths of half a second."""
    machine: Namespace = request.getfixturevalue(kind)
    many = {f"vim-{number}": f"127.5.0.{number + 1}" for number in range(200)}
    odd = {"rejected": "127.6.0.1", "far": "203.0.113.7", "v6": "fd00::9"}
    route = ("local", "203.0.113.0/24", "dev", "lo")
    machine.run("ip", "route", "add", *route)
    async with prober_in(machine) as prober:
        for vim_id, address in (many | odd).items():
            prober.start(vim_id, f"http://[{address}]" if ":" in address else f"http://{address}", PING)
        await prober.until(lambda: len(prober.now) == len(many | odd))

        machine.reject([odd["rejected"], odd["v6"]])
        machine.run("ip", "route", "del", *route)
        for vim_id in ("rejected", "v6"):
            assert (await prober.until_status(vim_id, Status.UNREACHABLE)).reason == Reason.HOST_UNREACHABLE
        assert (await prober.until_status("far", Status.UNKNOWN)).reason == Reason.LOCAL_NO_ROUTE

        machine.unreject([odd["rejected"], odd["v6"]])
        machine.run("ip", "route", "add", *route)
        for vim_id in odd:
            await prober.until_status(vim_id, Status.REACHABLE)

    assert {told.status for told in prober.told if told.vim_id in many} == {Status.REACHABLE}


async def test_exactly_the_half_that_goes_dark_becomes_unreachable(machine: Namespace) -> None:
    vims = {f"vim-{number}": f"127.3.{number // 250}.{number % 250 + 1}" for number in range(2000)}
    dark = list(vims)[::2]
    policy = ProbePolicy(Method.PING, interval_s=2, timeout_s=0.5)
    async with prober_in(machine) as prober:
        for vim_id, address in vims.items():
            prober.start(vim_id, f"http://{address}", policy)
        await prober.until(lambda: len(prober.now) == len(vims))
        assert {told.status for told in prober.now.values()} == {Status.REACHABLE}
        prober.told.clear()

        machine.drop([vims[vim_id] for vim_id in dark])
        await prober.until(lambda: len(prober.told) >= len(dark))
        assert {(told.vim_id, told.status) for told in prober.told} == {(vim_id, Status.UNREACHABLE) for vim_id in dark}

        prober.told.clear()
        machine.undrop([vims[vim_id] for vim_id in dark])
        await prober.until(lambda: len(prober.told) >= len(dark))
        assert {told.vim_id for told in prober.told} == set(dark)
        assert {told.status for told in prober.now.values()} == {Status.REACHABLE}
