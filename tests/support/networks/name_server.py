"""Runs a scripted name server: a test sets the answers for each name and family, and can change them while it runs.

It serves over UDP and TCP, in a thread of this process, or in a network namespace if one is given.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from enum import IntEnum
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.networks.dns_messages import Question, answer_to, question_of
from tests.support.networks.inside import run_inside
from tests.support.networks.namespaces import Namespace

_SO_RCVBUFFORCE = 33
_PATIENCE_S = 15.0
_PORTS = 20
"""Ports to try before it is no bad luck any more."""
_MAX_MESSAGE = 65535


class Kind(IntEnum):
    """The type of a question."""

    A = 1
    AAAA = 28


class Rcode(IntEnum):
    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    REFUSED = 5


@dataclass(frozen=True, slots=True)
class Script:
    """The answer to one kind of question for one name."""

    addresses: tuple[str, ...] = ()
    ttl_s: int = 60
    rcode: Rcode = Rcode.NOERROR
    silent: bool = False
    delay_s: float = 0.0
    rotates: bool = False
    """Each answer starts with the address after the one that the previous answer started with."""
    truncated: bool = False
    """Over UDP it only states that the answer is too long."""
    raw: Callable[[bytes], bytes] | None = None
    """Makes the whole message from the question's bytes."""


SILENT = Script(silent=True)
EMPTY = Script()
SERVFAIL = Script(rcode=Rcode.SERVFAIL)
REFUSED = Script(rcode=Rcode.REFUSED)
NXDOMAIN = Script(rcode=Rcode.NXDOMAIN)


class NameServer:
    """Can be scripted from any thread. A name without a script does not exist."""

    def __init__(self, ip: str, port: int) -> None:
        self.ip = ip
        self.port = port
        self._scripts: dict[tuple[str, Kind], Script] = {}
        self._counts: Counter[tuple[str, Kind]] = Counter()
        self._asked = threading.Condition()

    @property
    def address(self) -> str:
        """Its address, for `HostSettings.name_servers`."""
        return f"{self.ip}:{self.port}"

    def script(self, name: str, *, a: Script = EMPTY, aaaa: Script = EMPTY) -> None:
        """Set the answers for a name; `*.zone` stands for all names below the zone."""
        with self._asked:
            self._scripts |= {(name, Kind.A): a, (name, Kind.AAAA): aaaa}

    def serve(self, name: str, *addresses: str, ttl_s: int = 60) -> None:
        """Give a name these addresses, of either family."""
        six = tuple(address for address in addresses if ":" in address)
        four = tuple(address for address in addresses if ":" not in address)
        self.script(name, a=Script(four, ttl_s), aaaa=Script(six, ttl_s))

    def change(self, name: str, kind: Kind, script: Script) -> None:
        """Change the answer for one family of a name."""
        with self._asked:
            self._scripts[name, kind] = script

    def remove(self, name: str) -> None:
        """Make a name nonexistent."""
        self.script(name, a=NXDOMAIN, aaaa=NXDOMAIN)

    def count(self, name: str, kind: Kind) -> int:
        """Return the number of questions of this kind for a name, including repeats."""
        with self._asked:
            return self._counts[name, kind]

    def await_question(self, name: str, kind: Kind, *, after: int = 0) -> None:
        """Block until more than `after` questions of this kind have arrived for a name. Raises TimeoutError."""
        with self._asked:
            if not self._asked.wait_for(lambda: self._counts[name, kind] > after, _PATIENCE_S):
                raise TimeoutError(f"nobody asked for {kind.name} of {name}")

    def reply_to(self, message: bytes, *, over_udp: bool) -> tuple[float, bytes] | None:
        """Count a question; return the delay of its answer in seconds, and the answer. None: it is not answered."""
        question = question_of(message)
        if question is None:
            return None
        script, turn = self._take(question)
        if script.silent:
            return None
        if script.raw is not None:
            return script.delay_s, script.raw(message)
        if script.rotates and script.addresses:
            first = turn % len(script.addresses)
            script = replace(script, addresses=script.addresses[first:] + script.addresses[:first])
        cut = script.truncated and over_udp
        addresses = () if cut else script.addresses
        return script.delay_s, answer_to(question, script.rcode, addresses, script.ttl_s, truncated=cut)

    def _take(self, question: Question) -> tuple[Script, int]:
        kind = Kind(question.kind)
        with self._asked:
            turn = self._counts[question.name, kind]
            self._counts[question.name, kind] += 1
            self._asked.notify_all()
            zone = question.name.partition(".")[2]
            default = self._scripts.get((f"*.{zone}", kind), NXDOMAIN)
            return self._scripts.get((question.name, kind), default), turn


@contextmanager
def name_server(ip: str = "127.0.0.1", port: int = 0, machine: Namespace | None = None) -> Generator[NameServer]:
    """Run a name server, by default on a free port. `machine` is the namespace to run it in, if any."""
    with ExitStack() as scope:
        udp, tcp = _sockets(ip, port) if machine is None else run_inside(machine, lambda: _sockets(ip, port))
        server = NameServer(ip, udp.getsockname()[1])
        for sock, serve in ((udp, _serve_udp), (tcp, _serve_tcp)):
            scope.callback(_end, sock, _start(serve, server, sock))
        yield server


@contextmanager
def system_files(machine: Namespace, *, resolv_conf: str, hosts: str = "") -> Generator[Path]:
    """Give processes started in a namespace these files in /etc; yields the folder in which to change them."""
    folder = Path("/etc/netns", machine.name)
    folder.mkdir(parents=True)
    try:
        (folder / "resolv.conf").write_text(resolv_conf)
        (folder / "hosts").write_text(f"127.0.0.1 localhost\n{hosts}")
        yield folder
    finally:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def _sockets(ip: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Open both; with port 0, on any port that is free for TCP and for UDP: others take ports meanwhile."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    for attempt in range(_PORTS):
        with ExitStack() as opened:
            tcp = opened.enter_context(socket.create_server((ip, port), family=family, backlog=100))
            udp = opened.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            udp.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)
            try:
                udp.bind((ip, tcp.getsockname()[1]))
            except OSError:
                if port or attempt == _PORTS - 1:
                    raise
                continue
            opened.pop_all()
            return udp, tcp
    raise AssertionError("the last attempt raised")


def _start(
    serve: Callable[[NameServer, socket.socket], None], server: NameServer, sock: socket.socket
) -> threading.Thread:
    thread = threading.Thread(target=serve, args=(server, sock), daemon=True)
    thread.start()
    return thread


def _end(sock: socket.socket, thread: threading.Thread) -> None:
    with suppress(OSError):  # shutting down an unconnected datagram socket wakes up its reader, and raises an error
        sock.shutdown(socket.SHUT_RDWR)
    thread.join(_PATIENCE_S)
    sock.close()


def _serve_udp(server: NameServer, sock: socket.socket) -> None:
    delayed: list[tuple[float, int, bytes, Any]] = []
    """Answers by the time at which they are due. The number keeps those of one moment in their order."""
    for number in count():
        sock.settimeout(max(0.001, delayed[0][0] - time.monotonic()) if delayed else None)
        with suppress(TimeoutError):
            message, peer = sock.recvfrom(_MAX_MESSAGE)
            if not message:
                return
            reply = server.reply_to(message, over_udp=True)
            if reply is not None:
                delay_s, answer = reply
                heappush(delayed, (time.monotonic() + delay_s, number, answer, peer))
        while delayed and delayed[0][0] <= time.monotonic():
            _, _, answer, peer = heappop(delayed)
            with suppress(OSError):  # the test has ended in the meantime
                sock.sendto(answer, peer)


def _serve_tcp(server: NameServer, sock: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = sock.accept()
            threading.Thread(target=_converse, args=(server, connection), daemon=True).start()


def _converse(server: NameServer, connection: socket.socket) -> None:
    # A client that has its answer, or gave up, may reset the connection: that concerns no test.
    with suppress(OSError), connection, connection.makefile("rb") as stream:
        connection.settimeout(_PATIENCE_S)
        while len(prefix := stream.read(2)) == 2:
            reply = server.reply_to(stream.read(int.from_bytes(prefix)), over_udp=False)
            if reply is not None:
                connection.sendall(len(reply[1]).to_bytes(2) + reply[1])
