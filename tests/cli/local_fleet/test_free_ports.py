"""The port of a front that may have any is its own from before the fleet starts."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from vimesh.cli.base.exits import Failure
from vimesh.cli.local_fleet.free_ports import front_port

LOOPBACK = "127.0.0.1"


def test_a_front_can_listen_on_the_port_that_is_reserved_for_it() -> None:
    with front_port(LOOPBACK, 0) as port, socket.create_server((LOOPBACK, port)) as front:
        for _ in range(8):  # each of them reaches the socket that listens, and not the reservation
            with socket.create_connection((LOOPBACK, port), timeout=5):
                front.accept()[0].close()


def test_nobody_who_asks_for_a_free_port_gets_a_reserved_one() -> None:
    with ExitStack() as scope:
        reserved = [scope.enter_context(front_port(LOOPBACK, 0)) for _ in range(300)]
        others = [scope.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(300)]
        ports = {*reserved, *(other.getsockname()[1] for other in others)}

    assert len(ports) == len(reserved) + len(others)


def test_a_port_that_was_asked_for_must_be_free() -> None:
    with (
        socket.create_server((LOOPBACK, 0)) as taken,
        pytest.raises(Failure, match="is in use"),
        front_port(LOOPBACK, taken.getsockname()[1]),
    ):
        pass


def test_an_address_of_another_machine_is_refused_with_a_hint() -> None:
    with pytest.raises(Failure, match=r"cannot listen on 192\.0\.2\.1") as refused, front_port("192.0.2.1", 0):
        pass

    assert "--listen" in refused.value.hint
