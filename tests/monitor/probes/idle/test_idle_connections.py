"""Which connections are kept, and which gives way first."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from zlib import crc32

import pytest

from tests.support.probers.actions import action, quick_policy
from tests.support.probers.handshaking import handshake_threads
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.idle.idle_connections import LIFE_S, REST_LIMIT_S, IdleConnections
from vimesh.monitor.probes.idle.server_memory import UNWILLING_S, ServerMemory
from vimesh.monitor.probes.idle.server_trials import ServerTrials
from vimesh.monitor.probes.tcp.own_output import OwnOutput
from vimesh.monitor.probes.tcp.socket_limit import SocketLimit
from vimesh.monitor.probes.tcp.socket_prober import SocketProber
from vimesh.monitor.targets.target import Target

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
BEGUN = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"
NOWHERE = ProbeAddress(socket.AF_INET, ("127.0.0.1", 9))


class Store:
    """A store with a clock that is set by hand, and connections without a network."""

    def __init__(self, most: int) -> None:
        self.time = 100.0
        self.servers = ServerMemory(clock=self.now)
        self.kept = IdleConnections(clock=self.now, servers=self.servers, most=most, most_encrypted=1)
        self._scope = ExitStack()

    def now(self) -> float:
        return self.time

    def life_s(self, target: Target) -> float:
        """Return how long a connection may live, and give the place back."""
        life_s = self.kept.life_s(target, target.address or NOWHERE, encrypted=False)
        self.kept.vacate(target, target.address or NOWHERE)
        return life_s

    def answered(self, target: Target, answer: bytes = PLAIN) -> HttpConnection:
        connection = HttpConnection(target, 1, target.address or NOWHERE, self.now, "vimesh/test", LIFE_S)
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
    url = f"http://127.0.{crc32(name.encode()) % 256}.1:9"
    return Target(action(url, quick_policy(interval_s=interval_s, fall=fall), vim_id=name))


def test_the_connection_that_was_used_longest_ago_goes_first(store: Store) -> None:
    first, second = store.answered(target("first")), store.answered(target("second"))
    assert store.kept.keep(first)
    assert store.kept.keep(second)
    assert store.kept.take(first.target) is first
    assert store.kept.keep(first)

    assert [store.kept.take_oldest() for _ in range(3)] == [second, first, None]


def test_when_all_places_are_taken_nothing_more_is_kept(store: Store) -> None:
    assert store.kept.keep(store.answered(target("first")))
    assert store.life_s(target()) > 0
    assert store.kept.keep(store.answered(target("second")))

    assert store.life_s(target()) == 0
    assert not store.kept.keep(store.answered(target("third")))


def test_a_target_has_one_connection_at_most(store: Store) -> None:
    vim = target()
    assert store.kept.keep(store.answered(vim, BEGUN))

    assert not store.kept.keep(store.answered(vim))


def test_lives_differ_so_that_not_all_end_at_once(store: Store) -> None:
    lives = [store.life_s(target()) for _ in range(100)]

    assert 0.75 * LIFE_S <= min(lives) < 0.8 * LIFE_S
    assert 1.2 * LIFE_S < max(lives) <= 1.25 * LIFE_S
    assert len(set(lives)) == 100


@pytest.mark.parametrize("lonely", [target(interval_s=LIFE_S), target(fall=1)])
def test_nothing_is_kept_where_it_could_not_be_used(store: Store, lonely: Target) -> None:
    assert store.life_s(lonely) == 0


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

    store.kept.remove_ended(connection)

    assert store.life_s(vim) == 0
    store.time += UNWILLING_S
    assert store.life_s(vim) > 0


class Answers:
    """Takes down answers, and expects nothing else."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def record_answer(self, _: Target, number: int, __: float) -> None:
        self.numbers.append(number)

    def record_failure(self, *failure: object) -> None:
        raise AssertionError(failure)

    def record_fault(self, *fault: object) -> None:
        raise AssertionError(fault)

    def record_departure(self, target: Target) -> int:
        raise AssertionError(target)


@contextmanager
def server(ip: str) -> Generator[socket.socket]:
    with socket.create_server((ip, 0)) as made:
        made.settimeout(5)
        yield made


def test_a_probe_of_another_address_takes_another_connection() -> None:
    heard, vim = Answers(), target()
    servers = ServerMemory(clock=time.monotonic)
    kept = IdleConnections(clock=time.monotonic, servers=servers, most=10, most_encrypted=0)

    def connect(to: Target, number: int, address: ProbeAddress) -> HttpConnection:
        made = HttpConnection(to, number, address, time.monotonic, "vimesh/test", LIFE_S)
        made.proven_at = time.monotonic()  # these servers have no time for trials
        return made

    with (
        server("127.0.0.1") as first,
        server("127.0.0.2") as second,
        handshake_threads() as handshakes,
        SocketProber(
            connect=connect,
            listener=heard,
            clock=time.monotonic,
            limit=SocketLimit(clock=time.monotonic, most=10),
            kept=kept,
            handshakes=handshakes,
            output=OwnOutput(clock=time.monotonic),
        ) as sockets,
        ExitStack() as accepted,
    ):
        peers: list[socket.socket] = []
        for serial, at in enumerate([first, first, second]):
            vim.serial = serial
            vim.track.begin()
            vim.track.sent = 1
            sockets.send(vim, 1, ProbeAddress(socket.AF_INET, at.getsockname()))
            if serial != 1:
                peers.append(accepted.enter_context(at.accept()[0]))
            answer(peers[-1], sockets, heard)

        with pytest.raises(ConnectionResetError):  # the one to the first address was closed
            peers[0].recv(1)
    assert heard.numbers == [1, 1, 1]


def answer(peer: socket.socket, sockets: SocketProber, heard: Answers) -> None:
    before = len(heard.numbers)
    peer.settimeout(5)
    sockets.drain()  # sends the request, if the connection is new
    assert peer.recv(4096).startswith(b"GET ")
    peer.sendall(PLAIN)
    while len(heard.numbers) == before:
        assert select.select([sockets.fileno()], [], [], 5)[0], "no answer"
        sockets.drain()


def test_no_connection_of_a_trial_stays_open_when_its_candidate_is_tested_again(store: Store) -> None:
    """Its answers may come in pieces: each time that one is complete, it is a candidate."""
    vim = target()
    opened: list[HttpConnection] = []
    closed: list[HttpConnection] = []

    def open_one(vim: Target, _: ProbeAddress) -> HttpConnection:
        opened.append(store.answered(vim, BEGUN))
        return opened[-1]

    trials = ServerTrials(clock=store.now, servers=store.servers, open_one=open_one, release=closed.append)
    for candidate in (store.answered(vim), store.answered(vim)):
        for _ in range(3):
            trials.add(candidate)
            trials.run()
    assert len(opened) == 2, "one for each candidate: a trial that is under way goes on"
    trials.cancel(vim)

    assert closed == opened
