"""Something to probe: an HTTP endpoint on loopback that can go away and come back."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Target:
    def __init__(self) -> None:
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self.come()

    @property
    def auth_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v3"

    def come(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), _Answer)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def go(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None


@contextmanager
def target() -> Generator[Target]:
    made = Target()
    try:
        yield made
    finally:
        made.go()
