"""A process that says how it is, to a supervisor that the test plays."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from vimesh.watchdog.supervisor_link import Supervisor, SupervisorLink, pop_supervisor


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[tuple[socket.socket, str]]:
    name = f"vimesh-test-{secrets.token_hex(8)}"
    address = f"@{name}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.settimeout(5)
        made.bind(f"\0{name}" if request.param == "abstract" else address)
        yield made, address


def test_each_message_is_a_datagram_as_sd_notify_says(supervisor: tuple[socket.socket, str]) -> None:
    listener, address = supervisor
    with SupervisorLink(Supervisor(address)) as link:
        assert not link.ready
        link.notify_ready()
        link.notify_alive()
        link.notify_stopping()
        assert link.ready

    said = [listener.recv(1024).decode() for _ in range(3)]

    assert said == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_supervisor_that_does_not_read_holds_nobody_up(supervisor: tuple[socket.socket, str]) -> None:
    listener, address = supervisor
    with SupervisorLink(Supervisor(address)) as link:
        for _ in range(10_000):
            link.notify_alive()

    assert listener.recv(1024) == b"WATCHDOG=1"


def test_that_a_process_is_ready_is_said_again_if_there_was_no_room(supervisor: tuple[socket.socket, str]) -> None:
    listener, address = supervisor
    with SupervisorLink(Supervisor(address)) as link:
        for _ in range(10_000):
            link.notify_alive()
        link.notify_ready()
        listener.setblocking(False)
        with suppress(BlockingIOError):
            while listener.recv(1024) == b"WATCHDOG=1":
                """This is from before."""
        link.notify_alive()
        link.notify_alive()

    assert [listener.recv(1024) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_a_supervisor_that_is_gone_is_told_of_once(tmp_path: Path) -> None:
    with capture_logs() as logs, SupervisorLink(Supervisor(str(tmp_path / "nobody"))) as link:
        link.notify_ready()
        link.notify_alive()

    assert sum("the supervisor cannot be told" in log["event"] for log in logs) == 1


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, Supervisor()),
        ({"NOTIFY_SOCKET": "/run/n"}, Supervisor("/run/n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "10000000"}, Supervisor("@n", 10.0)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, Supervisor("@n", 0.5)),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, Supervisor("@n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "soon"}, Supervisor("@n")),
        ({"NOTIFY_SOCKET": "@n", "WATCHDOG_USEC": "0"}, Supervisor("@n")),
        ({"NOTIFY_SOCKET": "vsock:2:1"}, Supervisor()),
        ({"WATCHDOG_USEC": "500000"}, Supervisor()),
    ],
)
def test_what_a_supervisor_wants_is_read_once(given: dict[str, str], wanted: Supervisor) -> None:
    environment = {"PATH": "/bin", **given}

    assert pop_supervisor(environment) == wanted

    assert environment == {"PATH": "/bin"}


def test_without_a_supervisor_nothing_is_said() -> None:
    with SupervisorLink(Supervisor()) as link:
        link.notify_ready()

    assert link.ready
