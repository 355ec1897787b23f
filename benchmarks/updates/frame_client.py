"""Generates load by writing frames itself: it leaves the cores to the conductor, and checks every answer."""

from __future__ import annotations

import selectors
import socket
import time
from contextlib import ExitStack

from benchmarks.updates import frames
from benchmarks.updates.calling import Calls, WrongAnswer
from benchmarks.updates.frames import Kind
from benchmarks.updates.work import Task

_RECEIVE_BYTES = 256 * 1024
_SILENCE_LIMIT_S = 20.0


class _Connection:
    def __init__(self, address: str, path: str, calls: Calls[Task]) -> None:
        host, _, port = address.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), timeout=_SILENCE_LIMIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = frames.first_headers(path, address)
        self._calls = calls
        self._received = bytearray()
        self._stream = -1
        self._waiting: dict[int, tuple[float, Task]] = {}
        self._data: dict[int, bytes] = {}
        self._window = frames.FIRST_WINDOW
        self.socket.sendall(frames.opening())

    @property
    def idle(self) -> bool:
        return not self._waiting

    def fill(self, count: int) -> None:
        """Start as many calls as there are tasks, at most `count`."""
        now = time.perf_counter()
        out: list[bytes] = []
        for _ in range(count):
            task = self._calls.take(now)
            if task is None:
                break
            self._begin(task, now, out)
        self.socket.sendall(b"".join(out))

    def receive(self) -> None:
        """Read what has arrived, and start a call for each that has ended. Raises WrongAnswer."""
        received = self.socket.recv(_RECEIVE_BYTES)
        if not received:
            raise WrongAnswer("the connection was closed")
        now = time.perf_counter()
        self._received += received
        ended = 0
        for kind, flags, stream, payload in frames.parse(self._received):
            if kind == Kind.DATA:
                self._data[stream] = self._data.get(stream, b"") + payload
            elif kind not in (Kind.HEADERS, Kind.RST_STREAM):
                self._control(kind, flags, stream, payload)
                continue
            if flags & frames.END_STREAM or kind == Kind.RST_STREAM:
                self._end(stream, now)
                ended += 1
        if ended:
            self.fill(ended)

    def _begin(self, task: Task, now: float, out: list[bytes]) -> None:
        self._stream += 2
        stream = self._stream.to_bytes(4, "big")
        headers = self._headers
        self._headers = frames.LATER_HEADERS
        body = frames.message(task.request)
        self._window -= len(body)
        if self._window < 0:
            raise WrongAnswer("the server takes in less than what is in flight: use more connections")
        out += (
            *(len(headers).to_bytes(3, "big"), b"\x01\x04", stream, headers),
            *(len(body).to_bytes(3, "big"), b"\x00\x01", stream, body),
        )
        self._waiting[self._stream] = (now, task)

    def _end(self, stream: int, now: float) -> None:
        begun, task = self._waiting.pop(stream)
        # A call that fails ends without a message.
        data = self._data.pop(stream, b"")
        if not data:
            raise WrongAnswer("a call failed")
        if data[5:] != task.answer:
            raise WrongAnswer.of(data[5:], task.answer)
        self._calls.answered(begun, now)

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == Kind.GOAWAY:
            raise WrongAnswer("the server went away")
        if kind == Kind.WINDOW_UPDATE and not stream:
            self._window += int.from_bytes(payload, "big")
        if kind in (Kind.SETTINGS, Kind.PING) and not flags & frames.ACK:
            answer = b"" if kind == Kind.SETTINGS else payload
            self.socket.sendall(frames.frame(Kind(kind), frames.ACK, 0, answer))


def drive(address: str, path: str, calls: Calls[Task], *, callers: int, connections: int) -> None:
    """Keep `callers` calls in flight until the tasks end. Raises WrongAnswer."""
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        opened = [_Connection(address, path, calls) for _ in range(min(connections, callers))]
        for number, connection in enumerate(opened):
            stack.enter_context(connection.socket)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.fill(len(range(number, callers, len(opened))))
        while not all(connection.idle for connection in opened):
            ready = selector.select(_SILENCE_LIMIT_S)
            if not ready:
                raise WrongAnswer(f"nothing was answered for {_SILENCE_LIMIT_S:.0f} s")
            for key, _ in ready:
                key.data.receive()
