"""Health on a port and in threads of its own: it is answered while the loop is busy with calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1.health import HealthServicer
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from vimesh.conductor.vitals import Vitals
from vimesh.domain.errors import BadSetting

_LOOK_EVERY_S = 0.25
_STOP_WITHIN_S = 2.0
_THREADS = 2
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    # Balancers ask over one connection each, one question at a time; nobody else has anything to ask here.
    ("grpc.max_concurrent_streams", 16),
    ("grpc.max_receive_message_length", 1024),
)


class _Answers(HealthServicer):  # type: ignore[misc]  # the library has no types
    """Answers from the vitals of the moment, not from what was last set."""

    def __init__(self, vitals: Vitals, services: Sequence[str]) -> None:
        super().__init__()
        self._vitals = vitals
        self._services = services
        self._said: bool | None = None
        self._telling = threading.Lock()
        self.refresh()

    def Check(self, request: HealthCheckRequest, context: grpc.ServicerContext) -> HealthCheckResponse:
        self.refresh()
        return super().Check(request, context)

    def refresh(self) -> None:
        """Tell those who watch if something has changed."""
        with self._telling:
            serving = self._vitals.serving
            if serving is self._said:
                return
            self._said = serving
            status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
            for service in self._services:
                self.set(service, status)


@asynccontextmanager
async def answering_health(listen: str, vitals: Vitals, services: Sequence[str]) -> AsyncGenerator[int]:
    """Answer while the block runs. Yields the port. Raises BadSetting when it cannot listen."""
    answers = _Answers(vitals, services)
    ended = threading.Event()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="health") as threads:
        server = grpc.server(threads, options=_OPTIONS)
        add_HealthServicer_to_server(answers, server)
        port = _port(server, listen)
        server.start()
        looking = threading.Thread(target=_look, args=(answers, ended), name="health-watch", daemon=True)
        looking.start()
        try:
            yield port
        finally:
            ended.set()
            await asyncio.to_thread(lambda: server.stop(None).wait(_STOP_WITHIN_S))
            await asyncio.to_thread(looking.join, _STOP_WITHIN_S)


def _look(answers: _Answers, ended: threading.Event) -> None:
    # A loop that is held tells nobody; those who watch hear of it from here.
    while not ended.wait(_LOOK_EVERY_S):
        answers.refresh()


def _port(server: grpc.Server, address: str) -> int:
    try:
        port = server.add_insecure_port(address)
    except RuntimeError:
        port = 0
    if not port:
        raise BadSetting("health_listen", f"cannot listen on {address}: is the port taken?")
    return port
