from __future__ import annotations

import asyncio
import socket

from tests.support.clouds.targets import Behaviour, FakeApi, free_port
from tests.support.networks.namespaces import Namespace
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.prober import prober_in
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting

TCP = quick_policy(Method.TCP)


async def test_a_port_that_takes_connections_is_reachable(host: ActionHost, verdicts: Verdicts) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        host.start(action(f"http://127.0.0.1:{server.getsockname()[1]}", TCP))

        assert (await verdicts.next_of("vim")).status is Status.REACHABLE


async def test_a_port_that_takes_none_is_refused(host: ActionHost, verdicts: Verdicts) -> None:
    host.start(action(f"http://[::1]:{free_port('::1')}", TCP))

    verdict = await verdicts.next_of("vim")

    assert (verdict.status, verdict.reason) == (Status.UNREACHABLE, Reason.REFUSED)


async def test_a_probe_that_waits_for_a_socket_does_not_use_up_the_time_of_its_vim(
    api: FakeApi, verdicts: Verdicts
) -> None:
    hanging = [f"hanging-{number}" for number in range(6)]
    with hosting(verdicts.note, loopback_settings(sockets=2)) as host:
        async with asyncio.timeout(30):
            for vim_id in hanging:
                host.start(action(api.url, vim_id=vim_id))
            api.behaviour = Behaviour.HANG
            with socket.create_server(("127.0.0.1", 0)) as server:
                host.start(action(f"http://127.0.0.1:{server.getsockname()[1]}", TCP, vim_id="healthy"))

                for vim_id in hanging:
                    assert (await verdicts.next_of(vim_id)).reason == Reason.TIMEOUT
                assert (await verdicts.next_of("healthy")).status is Status.REACHABLE

    assert [verdict.status for verdict in verdicts.of("healthy")] == [Status.REACHABLE]


async def test_nothing_stays_open_when_a_host_ends(api: FakeApi, verdicts: Verdicts) -> None:
    api.behaviour = Behaviour.HANG
    with hosting(verdicts.note, loopback_settings()) as host:
        host.start(action(api.url, quick_policy(timeout_s=10, interval_s=30)))
        await api.asked(2)
    # An unclosed socket would warn, and a warning is an error here.


async def test_a_connection_that_was_made_to_itself_is_no_answer(machine: Namespace) -> None:
    # There is but one port to connect from, and it is the one to be probed.
    machine.run("sysctl", "-qw", "net.ipv4.ip_local_port_range=20000 20000")
    async with prober_in(machine) as prober:
        prober.start("tcp", "http://127.0.0.1:20000", TCP)
        assert (await prober.until_status("tcp", Status.UNREACHABLE)).reason == Reason.REFUSED
        prober.stop("tcp")
        prober.start("http", "http://127.0.0.1:20000", quick_policy())
        assert (await prober.until_status("http", Status.UNREACHABLE)).reason == Reason.REFUSED

    assert len(prober.told) == 2


async def test_a_machine_without_ipv6_accuses_no_vim_that_has_it(machine: Namespace) -> None:
    machine.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    async with prober_in(machine) as prober:
        for method in (Method.TCP, Method.HTTP):
            prober.start(method, "http://[fd00::1]:5000", quick_policy(method))
        for method in (Method.TCP, Method.HTTP):
            assert (await prober.until_status(method, Status.UNKNOWN)).reason == Reason.LOCAL_NO_ROUTE

    assert len(prober.told) == 2
