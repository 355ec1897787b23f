"""Which connections are kept, and which gives way first."""

from __future__ import annotations

import select
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import pytest

from tests.support.actions import action, quick_policy
from vimesh.monitor.addresses import Address
from vimesh.monitor.http import HttpConnection
from vimesh.monitor.kept import LIFE_S, REST_LIMIT_S, UNWILLING_S, Kept
from vimesh.monitor.sockets import Sockets
from vimesh.monitor.target import Target

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
NOWHERE = Address(socket.AF_INET, ("127.0.0.1", 9))


class Store:
    """A store with a clock that is set by hand, and connections without a network."""

    def __init__(self, most: int) -> None:
        self.time = 100.0
        self.kept = Kept(clock=lambda: self.time, most=most, most_encrypted=1)
        self._scope = ExitStack()

    def answered(self, target: Target, answer: bytes = PLAIN) -> HttpConnection:
        connection = HttpConnection(target, 1, NOWHERE, lambda: self.time, "vimesh/test", LIFE_S)
        self._scope.callback(connection.close)
        connection._judge(answer)
        assert connection.outcome is not None
        return connection

    def close(self) -> None:
        self._scope.close()


@pytest.fixture
def store() -> Generator[Store]:
    made = Store(most=2)
    yield made
    made.close()


def target(name: str = "vim", interval_s: float = 10, fall: int = 3) -> Target:
    return Target(action("http://127.0.0.1:9", quick_policy(interval_s=interval_s, fall=fall), vim_id=name))


def test_the_connection_that_was_used_longest_ago_goes_first(store: Store) -> None:
    first, second = store.answered(target("first")), store.answered(target("second"))
    assert store.kept.keep(first)
    assert store.kept.keep(second)
    assert store.kept.take(first.target) is first
    assert store.kept.keep(first)

    assert [store.kept.take_oldest() for _ in range(3)] == [second, first, None]


def test_when_all_places_are_taken_nothing_more_is_kept(store: Store) -> None:
    assert store.kept.keep(store.answered(target("first")))
    assert store.kept.life_s(target(), encrypted=False) > 0
    assert store.kept.keep(store.answered(target("second")))

    assert store.kept.life_s(target(), encrypted=False) == 0
    assert not store.kept.keep(store.answered(target("third")))


def test_a_target_has_one_connection_at_most(store: Store) -> None:
    vim = target()
    assert store.kept.keep(store.answered(vim, BEGUN))

    assert not store.kept.keep(store.answered(vim))


def test_lives_differ_so_that_not_all_end_at_once(store: Store) -> None:
    lives = [store.kept.life_s(target(), encrypted=False) for _ in range(100)]

    assert 0.75 * LIFE_S <= min(lives) < 0.8 * LIFE_S
    assert 1.2 * LIFE_S < max(lives) <= 1.25 * LIFE_S
    assert len(set(lives)) == 100


@pytest.mark.parametrize("lonely", [target(interval_s=LIFE_S), target(fall=1)])
def test_nothing_is_kept_where_it_could_not_be_used(store: Store, lonely: Target) -> None:
    assert store.kept.life_s(lonely, encrypted=False) == 0


def test_an_answer_that_does_not_come_to_its_end_is_given_up(store: Store) -> None:
    slow = store.answered(target(), BEGUN)
    assert store.kept.keep(slow)
    store.time += REST_LIMIT_S - 1
    assert list(store.kept.take_overdue()) == []

    store.time += 1

    assert list(store.kept.take_overdue()) == [slow]
    assert store.kept.take(slow.target) is None


def test_a_server_that_closed_an_unused_connection_is_not_asked_to_keep_one_for_a_while(store: Store) -> None:
    vim = target()
    connection = store.answered(vim)
    assert store.kept.keep(connection)

    store.kept.ended(connection)

    assert store.kept.life_s(vim, encrypted=False) == 0
    store.time += UNWILLING_S
    assert store.kept.life_s(vim, encrypted=False) > 0


class Answers:
    """Takes down answers, and expects nothing else."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def answered(self, _: Target, number: int, __: float) -> None:
        self.numbers.append(number)

    def failed(self, *failure: object) -> None:
        raise AssertionError(failure)

    def faulted(self, *fault: object) -> None:
        raise AssertionError(fault)

    def departs(self, target: Target) -> int:
        raise AssertionError(target)


@contextmanager
def server(ip: str) -> Generator[socket.socket]:
    with socket.create_server((ip, 0)) as made:
        made.settimeout(5)
        yield made


def test_a_probe_of_another_address_takes_another_connection() -> None:
    heard, vim = Answers(), target()
    kept = Kept(clock=lambda: 0.0, most=10, most_encrypted=0)

    def connect(to: Target, number: int, address: Address) -> HttpConnection:
        return HttpConnection(to, number, address, lambda: 0.0, "vimesh/test", LIFE_S)

    with (
        server("127.0.0.1") as first,
        server("127.0.0.2") as second,
        Sockets(connect=connect, listener=heard, limit=10, kept=kept) as sockets,
        ExitStack() as accepted,
    ):
        peers: list[socket.socket] = []
        for serial, at in enumerate([first, first, second]):
            vim.serial = serial
            vim.track.begin()
            vim.track.sent = 1
            sockets.send(vim, 1, Address(socket.AF_INET, at.getsockname()))
            if serial != 1:
                peers.append(accepted.enter_context(at.accept()[0]))
            answer(peers[-1], sockets, heard)

        with pytest.raises(ConnectionResetError):  # the one to the first address was closed
            peers[0].recv(1)
    assert heard.numbers == [1, 1, 1]


def answer(peer: socket.socket, sockets: Sockets, heard: Answers) -> None:
    before = len(heard.numbers)
    peer.settimeout(5)
    sockets.drain()  # sends the request, if the connection is new
    assert peer.recv(4096).startswith(b"GET ")
    peer.sendall(PLAIN)
    while len(heard.numbers) == before:
        assert select.select([sockets.fileno()], [], [], 5)[0], "no answer"
        sockets.drain()
