"""How much one connection does each time that its socket is ready."""

from __future__ import annotations

import array
import fcntl
import select
import socket
import termios
import time
from collections.abc import Generator
from dataclasses import dataclass

import pytest

from tests.support.probers.actions import action
from tests.support.probers.answers import CHUNKED, EMPTY, OK
from tests.support.probers.verdicts import PATIENCE_S
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.idle.idle_connections import LIFE_S
from vimesh.monitor.targets.target import Target

PIECE_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Talk:
    """A connection that has asked, and the server's end of it."""

    connection: HttpConnection
    server: socket.socket

    def unread(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self.connection.fd, termios.FIONREAD, count)
        return count[0]

    def say(self, words: bytes) -> None:
        """Send something, and wait until all of it is there."""
        came = self.unread() + len(words)
        self.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, came)
        self.server.sendall(words)
        assert select.select([self.connection.fd], [], [], PATIENCE_S)[0]
        self.connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        assert self.unread() == came


@pytest.fixture
def talk() -> Generator[Talk]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        target = Target(action(f"http://127.0.0.1:{port}"))
        address = ProbeAddress(socket.AF_INET, ("127.0.0.1", port))
        connection = HttpConnection(target, 1, address, time.monotonic, "vimesh/test", LIFE_S)
        connection.start()
        server, _ = listening.accept()
        select.select([], [connection.fd], [], PATIENCE_S)
        connection.advance()
        with server:
            server.recv(PIECE_BYTES)
            yield Talk(connection, server)
        connection.close()


def test_after_its_request_a_connection_waits_for_the_answer(talk: Talk) -> None:
    assert talk.connection.outcome is None
    assert talk.connection.interest == select.EPOLLIN

    talk.say(EMPTY)
    talk.connection.advance()

    assert isinstance(talk.connection.outcome, float)
    assert talk.connection.is_idle


@pytest.mark.parametrize("begin", [b"HTTP/1.1 103 Early Hints\r\nLink: ", b"HTTP/1.1 100 "])
def test_one_piece_is_read_at_a_time_however_much_has_come(talk: Talk, begin: bytes) -> None:
    words = begin + bytes(50_000 - len(begin)).replace(b"\0", b"a")
    talk.say(words)

    talk.connection.advance()

    assert talk.unread() == len(words) - PIECE_BYTES


@pytest.mark.parametrize("begin", [OK + b"X-Pad: ", CHUNKED + b"FFFF\r\n"])
def test_the_rest_of_an_answer_is_read_piece_by_piece_too(talk: Talk, begin: bytes) -> None:
    words = begin + bytes(50_000 - len(begin)).replace(b"\0", b"a")
    talk.say(words)
    talk.connection.advance()

    assert isinstance(talk.connection.outcome, float)
    assert talk.connection.read_rest()

    assert talk.unread() == len(words) - 2 * PIECE_BYTES


def test_a_connection_at_rest_holds_nothing_of_its_answers(talk: Talk) -> None:
    for number in range(2, 5):
        talk.say(CHUNKED + b"2\r\no")
        talk.connection.advance()
        assert not talk.connection.is_idle
        talk.say(b"k\r\n0\r\n\r\n")
        assert talk.connection.read_rest()
        assert talk.connection.is_idle
        assert talk.connection._answer is None
        assert talk.connection.reuse(number)
