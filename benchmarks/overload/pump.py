"""Generates load without waiting: starts calls at a given rate, whatever happens to the previous ones.

It writes frames itself, so that one process can offer far more than a fleet can handle on the same machine.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import NamedTuple

import hpack

from benchmarks.updates import frames
from benchmarks.updates.frames import Kind

_RECEIVE_BYTES = 256 * 1024
_TICK_S = 0.002
_REPLENISH_BYTES = 2**29
_MAX_UNSENT_BYTES = 2**18
_STREAM_S = 2.0
_SETTINGS = b"\x00\x01\x00\x00\x00\x00" + b"\x00\x04\x00\x7f\xff\xff"
"""No dynamic table: the same headers are the same bytes, and are decoded once. Also wide windows for answers."""
_MAX_CONCURRENT_STREAMS = 3
OK = "0"
WRONG = "wrong answer"
BROKEN = "connection broke"
UNANSWERED = "never answered"
RESET = "reset"


class Call(NamedTuple):
    begun: float
    measured: bool


@dataclass(frozen=True, slots=True)
class Flood:
    """The requests, their rate, and which answers count as success."""

    path: str
    request: Callable[[int], bytes]
    """Makes the request of a position."""
    done: Callable[[bytes], bool]
    """Returns whether an answer, without its five bytes of gRPC, is the right one."""
    streams: bool = False
    """Whether only the first message counts: the stream is cancelled a little later."""
    timeout_s: int = 10
    """The deadline of each call."""


@dataclass(slots=True)
class Tally:
    """The outcomes of the calls that started in the measured time."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """By gRPC status as a number, or one of the words above."""
    took_s: list[float] = field(default_factory=list)
    """Latencies of the successful calls."""
    done_in_time: int = 0
    """Calls that succeeded within the measured time, whenever they started: the rate of useful work."""


class _Connection:
    def __init__(self, address: str, flood: Flood, pump: Pump) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=20.0)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = _headers(flood, address)
        self._flood = flood
        self._pump = pump
        self._received = bytearray()
        self._unsent = bytearray(
            frames.PREFACE
            + frames.frame(Kind.SETTINGS, 0, 0, _SETTINGS)
            + frames.frame(Kind.WINDOW_UPDATE, 0, 0, (2**31 - 1 - frames.FIRST_WINDOW).to_bytes(4, "big"))
        )
        self._stream = -1
        self.open: dict[int, Call] = {}
        self._data: dict[int, bytes] = {}
        self._streaming: deque[tuple[float, int]] = deque()
        self._window = frames.FIRST_WINDOW
        self._consumed = 0
        self._max_open = 100
        self.alive = True
        self.send()
        self.socket.setblocking(False)

    @property
    def ready(self) -> bool:
        """Return whether another call may start."""
        return (
            self.alive
            and len(self.open) + len(self._streaming) < self._max_open
            and self._window > 0
            and len(self._unsent) < 2**18
        )

    def begin(self, request: bytes, call: Call) -> None:
        self._stream += 2
        stream = self._stream.to_bytes(4, "big")
        body = frames.message(request)
        self._window -= len(body)
        self._unsent += b"".join(
            (
                *(len(self._headers).to_bytes(3, "big"), b"\x01\x04", stream, self._headers),
                *(len(body).to_bytes(3, "big"), b"\x00\x01", stream, body),
            )
        )
        self.open[self._stream] = call

    def cancel_streams(self, now: float) -> None:
        while self._streaming and self._streaming[0][0] <= now:
            _, stream = self._streaming.popleft()
            self._unsent += frames.frame(Kind.RST_STREAM, 0, stream, (8).to_bytes(4, "big"))

    def send(self) -> None:
        try:
            while self._unsent and (sent := self.socket.send(self._unsent)):
                del self._unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._break()

    def receive(self) -> None:
        try:
            received = self.socket.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._break()
            return
        now = time.monotonic()
        self._received += received
        for kind, flags, stream, payload in frames.parse(self._received):
            if kind == Kind.DATA:
                self._take_data(stream, payload, flags, now)
            elif kind == Kind.HEADERS and flags & frames.END_STREAM:
                self._end(stream, self._pump.status(payload), now)
            elif kind == Kind.RST_STREAM:
                self._end(stream, RESET, now)
            else:
                self._control(kind, flags, stream, payload)

    def _take_data(self, stream: int, payload: bytes, flags: int, now: float) -> None:
        self._consumed += len(payload)
        if self._consumed > _REPLENISH_BYTES:
            self._unsent += frames.frame(Kind.WINDOW_UPDATE, 0, 0, self._consumed.to_bytes(4, "big"))
            self._consumed = 0
        if stream not in self.open:
            return
        if self._flood.streams:
            # Not at once: a stream that is cancelled as soon as it is open looks like an attack.
            self._streaming.append((now + _STREAM_S, stream))
            self._data[stream] = payload
            self._end(stream, OK, now)
        else:
            self._data[stream] = self._data.get(stream, b"") + payload
            if flags & frames.END_STREAM:
                self._end(stream, RESET, now)

    def _end(self, stream: int, status: str, now: float) -> None:
        call = self.open.pop(stream, None)
        data = self._data.pop(stream, b"")
        if call is not None:
            if status == OK and not self._flood.done(data[5:]):
                status = WRONG
            self._pump.ended(call, status, now)

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == Kind.GOAWAY:
            self._break()
        elif kind == Kind.WINDOW_UPDATE and not stream:
            self._window += int.from_bytes(payload, "big")
        elif kind == Kind.SETTINGS and not flags & frames.ACK:
            for at in range(0, len(payload), 6):
                if int.from_bytes(payload[at : at + 2], "big") == _MAX_CONCURRENT_STREAMS:
                    self._max_open = int.from_bytes(payload[at + 2 : at + 6], "big")
            self._unsent += frames.frame(Kind.SETTINGS, frames.ACK, 0, b"")
        elif kind == Kind.PING and not flags & frames.ACK:
            self._unsent += frames.frame(Kind.PING, frames.ACK, 0, payload)

    def _break(self) -> None:
        if self.alive:
            self.alive = False
            now = time.monotonic()
            for call in self.open.values():
                self._pump.ended(call, BROKEN, now)
            self.open.clear()


class Pump:
    """Starts calls for some seconds, and counts the outcomes of those after a warm-up."""

    def __init__(self, flood: Flood, *, cpu_s: Callable[[], float], first: int = 0) -> None:
        """`cpu_s` returns the CPU seconds of the flooded processes."""
        self._flood = flood
        self._cpu_s = cpu_s
        self._position = first
        self._statuses: dict[bytes, str] = {}
        self._from = self._until = 0.0
        self.tally = Tally()
        self.offered = 0
        """Number of calls started in the measured time."""
        self.fleet_cpu_s = self.own_cpu_s = 0.0
        """CPU of the flooded processes, and of this process, in the measured time."""

    def status(self, block: bytes) -> str:
        """Return the gRPC status in a block of headers."""
        if (status := self._statuses.get(block)) is None:
            headers = dict(hpack.Decoder().decode(block, raw=True))
            status = (headers.get(b"grpc-status") or b"HTTP " + headers.get(b":status", b"?")).decode()
            if len(self._statuses) < 10_000:
                self._statuses[block] = status
        return status

    def ended(self, call: Call, status: str, now: float) -> None:
        if status == OK and self._from <= now < self._until:
            self.tally.done_in_time += 1
        if call.measured:
            self.tally.outcomes[status] += 1
            if status == OK:
                self.tally.took_s.append(now - call.begun)

    def run(
        self, address: str, *, connections: int, rate: float, callers: int, warm_up_s: float, seconds: float
    ) -> int:
        """Start `rate` calls per second, or keep `callers` in flight if the rate is 0. Returns the next position."""
        with ExitStack() as stack, selectors.DefaultSelector() as selector:
            opened = [_Connection(address, self._flood, self) for _ in range(connections)]
            for connection in opened:
                stack.enter_context(connection.socket)
                selector.register(connection.socket, selectors.EVENT_READ, connection)
            start = time.monotonic()
            self._from, self._until = start + warm_up_s, start + warm_up_s + seconds
            patience_until = self._until + self._flood.timeout_s + 2
            due = _due(rate, callers, opened, start)
            turn: deque[_Connection] = deque(opened)
            stages = deque((self._from, self._until))
            while (now := time.monotonic()) < patience_until:
                while stages and now >= stages[0]:
                    stages.popleft()
                    self._count_cpu(-1 if stages else 1)
                if now < self._until:
                    self._begin(turn, due(now), now)
                elif not any(connection.open for connection in opened):
                    break
                for connection in opened:
                    connection.cancel_streams(now)
                    connection.send()
                for key, _ in selector.select(_TICK_S):
                    key.data.receive()
                    if not key.data.alive:
                        selector.unregister(key.data.socket)
            left = sum(call.measured for connection in opened for call in connection.open.values())
            self.tally.outcomes[UNANSWERED] += left
        return self._position

    def _count_cpu(self, sign: int) -> None:
        self.fleet_cpu_s += sign * self._cpu_s()
        self.own_cpu_s += sign * time.process_time()

    def _begin(self, turn: deque[_Connection], count: int, now: float) -> None:
        measured = now >= self._from
        for _ in range(count):
            for _ in range(len(turn)):
                connection = turn[0]
                turn.rotate(-1)
                if connection.ready:
                    break
            else:
                return
            connection.begin(self._flood.request(self._position), Call(now, measured))
            self._position += 1
            self.offered += measured


def _due(rate: float, callers: int, opened: list[_Connection], start: float) -> Callable[[float], int]:
    """Return a function that returns how many calls to start now."""
    if not rate:
        return lambda _: callers - sum(len(connection.open) for connection in opened)
    begun = 0

    def at_rate(now: float) -> int:
        nonlocal begun
        # Calls that cannot start in time are skipped: a backlog would become a burst later.
        count = int((now - start) * rate) - begun
        begun += count
        return count

    return at_rate


def _headers(flood: Flood, authority: str) -> bytes:
    def parts() -> Iterator[tuple[str, str]]:
        yield ":method", "POST"
        yield ":scheme", "http"
        yield ":path", flood.path
        yield ":authority", authority
        yield "content-type", "application/grpc"
        yield "te", "trailers"
        yield "grpc-timeout", f"{flood.timeout_s}S"

    block = b""
    for name, value in parts():
        # A literal that is not added to a table.
        block += b"\x00" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    return block
