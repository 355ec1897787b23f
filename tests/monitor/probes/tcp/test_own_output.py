"""What this machine's own firewall drops is not the VIM's silence (G12)."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import pytest

from tests.support.clouds.worker_server_in import server_in
from tests.support.networks.namespaces import Namespace
from tests.support.probers import silent_connection_main
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.prober import prober_in
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.tcp.own_output import TRIES_PER_S, OwnOutput
from vimesh.monitor.targets.target import Target

LONG_S = 1.3
"""By then the kernel has sent the request again, or tried to."""
SHORT_S = 0.2
SILENT = {"v4": "127.1.0.1", "v6": "fd00::1"}


def drop_own_output(machine: Namespace, what: str) -> None:
    rule = f"table inet own {{ chain output {{ type filter hook output priority 0; {what} drop; }}; }}"
    machine.run("nft", "-f", "-", stdin=rule)


def reason_of(machine: Namespace, ip: str, silent_s: float) -> str | None:
    """Say what kept a connection request in that was silent for so long."""
    script = str(Path(silent_connection_main.__file__))
    paths = "PYTHONPATH=" + os.pathsep.join(sys.path)
    told = json.loads(machine.run("env", paths, sys.executable, script, ip, str(silent_s)))
    assert not told["answered"]
    reason: str | None = told["reason"]
    return reason


@pytest.mark.parametrize("ip", SILENT.values(), ids=SILENT)
def test_a_rule_for_all_protocols_is_seen_at_once(machine: Namespace, ip: str) -> None:
    drop_own_output(machine, "")

    assert reason_of(machine, ip, SHORT_S) == Reason.LOCAL_PERMISSION


@pytest.mark.parametrize("ip", SILENT.values(), ids=SILENT)
def test_a_rule_for_tcp_is_seen_when_the_kernel_tries_again(machine: Namespace, ip: str) -> None:
    drop_own_output(machine, "meta l4proto tcp")

    assert reason_of(machine, ip, LONG_S) == Reason.LOCAL_PERMISSION


@pytest.mark.parametrize("silent_s", [SHORT_S, LONG_S])
@pytest.mark.parametrize("ip", SILENT.values(), ids=SILENT)
def test_what_is_lost_on_its_way_has_left(machine: Namespace, ip: str, silent_s: float) -> None:
    machine.drop([ip])

    assert reason_of(machine, ip, silent_s) is None


def test_one_request_that_has_left_is_enough() -> None:
    target = Target(action("http://127.0.0.1"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = ProbeAddress(socket.AF_INET, server.getsockname())
        made = Connection(target, 1, address, lambda: 0.0)
        made.start()  # over loopback the connection stands when the call returns
        try:
            assert OwnOutput(clock=lambda: 0.0).find_fault([made]) is None
        finally:
            made.close()


def test_without_probes_under_way_nothing_is_said() -> None:
    assert OwnOutput(clock=lambda: 0.0).find_fault([]) is None


def test_datagrams_are_few_however_many_vims_are_silent() -> None:
    target, time = Target(action("http://127.0.0.1")), 0.0
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(full.getsockname())
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        address = ProbeAddress(socket.AF_INET, full.getsockname())
        queued = [Connection(target, 1, address, lambda: 0.0) for _ in range(4)]
        for connection in queued:
            connection.start()
        silent = queued[-1]  # those before it have filled the queue of the server
        output = OwnOutput(clock=lambda: time)
        for _ in range(TRIES_PER_S + 10):
            assert output.find_fault([silent]) is None
        assert received(datagrams) == TRIES_PER_S

        time = 1.0
        output.find_fault([silent])
        assert received(datagrams) == 1
        for connection in queued:
            connection.close()


def received(datagrams: socket.socket) -> int:
    """Count what has come."""
    datagrams.setblocking(False)
    count = 0
    while True:
        try:
            datagrams.recv(1)
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.parametrize("what", ["", "meta l4proto tcp"], ids=["all protocols", "tcp"])
async def test_no_vim_is_accused_while_this_machine_drops_what_is_sent(machine: Namespace, what: str) -> None:
    policy = quick_policy(Method.TCP, interval_s=2.5, timeout_s=1)
    vims = [f"127.2.0.{number}" for number in range(1, 21)]
    drop_own_output(machine, f"ip daddr 127.2.0.0/16 {what}")
    machine.drop(["127.3.0.1"])
    async with prober_in(machine) as prober:
        for ip in (*vims, "127.3.0.1"):
            prober.start(ip, f"http://{ip}:5000", policy)
        for ip in vims:
            assert (await prober.until_status(ip, Status.UNKNOWN)).reason == Reason.LOCAL_PERMISSION
        assert (await prober.until_status("127.3.0.1", Status.UNREACHABLE)).reason == Reason.TIMEOUT

    assert {told.status for told in prober.told if told.vim_id in vims} == {Status.UNKNOWN}


async def test_a_firewall_that_lets_only_tcp_out_hides_no_outage(machine: Namespace) -> None:
    policy = quick_policy(Method.TCP, interval_s=1, timeout_s=SHORT_S)
    drop_own_output(machine, "meta l4proto != tcp")
    machine.drop(["127.3.0.1"])
    async with server_in(machine), prober_in(machine) as prober:
        prober.start("healthy", "http://127.1.0.1:5000", policy)
        await prober.until_status("healthy", Status.REACHABLE)
        prober.start("dead", "http://127.3.0.1:5000", policy)

        assert (await prober.until_status("dead", Status.UNREACHABLE)).reason == Reason.TIMEOUT

    assert [told.status for told in prober.told] == [Status.REACHABLE, Status.UNREACHABLE]
