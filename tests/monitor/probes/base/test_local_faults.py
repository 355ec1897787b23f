"""What goes wrong on our side is never the VIM's fault (G12)."""

from __future__ import annotations

import errno
import select
import socket
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from tests.support.probers.actions import action
from tests.support.probers.handshaking import handshake_threads
from vimesh.domain.probing import Reason
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.base.errno_reasons import local_fault, remote_failure
from vimesh.monitor.probes.base.prober import FilesExhausted, LocalFault
from vimesh.monitor.probes.idle.idle_connections import IdleConnections
from vimesh.monitor.probes.idle.server_memory import ServerMemory
from vimesh.monitor.probes.tcp.own_output import OwnOutput
from vimesh.monitor.probes.tcp.socket_limit import SocketLimit
from vimesh.monitor.probes.tcp.socket_prober import SocketProber
from vimesh.monitor.targets.target import Target

REMOTE = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ECONNRESET: Reason.RESET,
    errno.EPIPE: Reason.RESET,
    errno.ETIMEDOUT: Reason.TIMEOUT,
    errno.ENETUNREACH: Reason.NET_UNREACHABLE,
    errno.EHOSTUNREACH: Reason.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Reason.HOST_UNREACHABLE,
}


@pytest.mark.parametrize(("number", "reason"), REMOTE.items())
def test_what_the_network_says_is_about_the_vim(number: int, reason: str) -> None:
    assert remote_failure(number)[0] == reason


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOBUFS, Reason.LOCAL_RESOURCES),
        (errno.ENOMEM, Reason.LOCAL_RESOURCES),
        (errno.EMFILE, Reason.LOCAL_RESOURCES),
        (errno.ENETDOWN, Reason.LOCAL_NO_ROUTE),
        (errno.EPERM, Reason.LOCAL_PERMISSION),
        (99999, Reason.LOCAL_RESOURCES),
    ],
)
def test_all_other_numbers_are_about_this_machine_whenever_they_are_learnt(number: int, reason: str) -> None:
    with pytest.raises(LocalFault) as raised:
        remote_failure(number)

    assert raised.value.reason == reason


@pytest.mark.parametrize("number", [errno.EAFNOSUPPORT, errno.ENETUNREACH, errno.EADDRNOTAVAIL])
def test_a_family_of_addresses_that_this_machine_has_no_way_for_is_no_vims_fault(number: int) -> None:
    assert local_fault(number).reason == Reason.LOCAL_NO_ROUTE


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_want_of_files_is_told_from_other_faults(number: int) -> None:
    assert isinstance(local_fault(number), FilesExhausted)


class Heard:
    """Takes down faults, and expects nothing else."""

    def __init__(self) -> None:
        self.faults: list[tuple[str, str]] = []

    def record_answer(self, *answer: object) -> None:
        raise AssertionError(answer)

    def record_failure(self, *failure: object) -> None:
        raise AssertionError(failure)

    def record_departure(self, target: Target) -> int:
        raise AssertionError(target)

    def record_fault(self, _: Target, reason: str, detail: str) -> None:
        self.faults.append((reason, detail))


def _still() -> float:
    return 0.0


def probe(advance: Callable[[], None], *, times: int = 1) -> Heard:
    """Probe a port that takes connections, with connections that go on in this way."""

    class Odd(Connection):
        def on_established(self) -> None:
            advance()

    heard, servers = Heard(), ServerMemory(clock=_still)
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        handshake_threads() as handshakes,
        SocketProber(
            connect=lambda target, number, address: Odd(target, number, address, _still),
            listener=heard,
            clock=_still,
            limit=SocketLimit(clock=_still, most=10),
            kept=IdleConnections(clock=_still, servers=servers, most=0, most_encrypted=0),
            handshakes=handshakes,
            output=OwnOutput(clock=_still),
        ) as sockets,
    ):
        for serial in range(times):
            target = Target(action("http://127.0.0.1"))
            target.serial = serial
            sockets.send(target, 1, ProbeAddress(socket.AF_INET, server.getsockname()))
            select.select([sockets.fileno()], [], [], 5)
            sockets.drain()
    return heard


def test_a_defect_of_the_prober_is_a_local_fault_and_logged_once() -> None:
    def break_down() -> None:
        raise IndexError("a bug")

    with capture_logs() as logs:
        heard = probe(break_down, times=3)

    assert heard.faults == [(Reason.LOCAL_DEFECT, "the prober failed: IndexError: a bug")] * 3
    assert [line["event"] for line in logs] == ["a probe raised an error"]


def test_a_connection_that_breaks_for_want_of_memory_is_a_local_fault() -> None:
    heard = probe(lambda: remote_failure(errno.ENOBUFS) and None)

    assert [reason for reason, _ in heard.faults] == [Reason.LOCAL_RESOURCES]
