"""Runs a server with many workers on port 5000, and prints the number of each request's connection as a line."""

from __future__ import annotations

import sys

from tests.support.clouds.worker_server import WorkerServer


class _Telling(list[int]):
    def append(self, number: int) -> None:
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    server = WorkerServer(workers=12, at=("0.0.0.0", 5000))
    server.requests = _Telling()
    sys.stdout.write("0\n")  # the server is listening
    sys.stdout.flush()
    sys.stdin.read()
    server.close()
