"""Serves HTTP with a fixed number of workers, each of which serves one connection at a time until it ends."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_PATIENCE_S = 10.0


class WorkerServer:
    """Keeps a connection for as long as its client wants, as HTTP/1.1 specifies."""

    def __init__(self, workers: int, at: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self._listener = socket.create_server(at, backlog=128)
        self._serving: set[socket.socket] = set()
        self.requests: list[int] = []
        """The connection of each request, in order."""
        self.paths: list[str] = []
        """The path of each request, in order."""
        self.connections = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(workers)]
        for thread in self._threads:
            thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes up the thread that accepts
        with self._lock:
            for peer in self._serving:
                with suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(_PATIENCE_S)
        self._listener.close()

    def _work(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                number = self.connections
                self._serving.add(peer)
            with peer, suppress(OSError):
                self._serve(number, peer)
            with self._lock:
                self._serving.discard(peer)

    def _serve(self, number: int, peer: socket.socket) -> None:
        received = b""
        while piece := peer.recv(4096):
            received += piece
            head, end, rest = received.partition(b"\r\n\r\n")
            if not end:
                continue
            received = rest
            self.requests.append(number)
            self.paths.append(head.decode().split()[1])
            peer.sendall(_ANSWER)
            if b"connection: close" in head.lower():
                return


@contextmanager
def worker_server(workers: int) -> Generator[WorkerServer]:
    server = WorkerServer(workers)
    try:
        yield server
    finally:
        server.close()


async def user_waits_s(server: WorkerServer) -> float:
    """Make the request of a user, and return how long the answer takes. Raises TimeoutError."""
    begun = time.monotonic()
    async with asyncio.timeout(_PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            writer.write(b"GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
        finally:
            writer.close()
    return time.monotonic() - begun
