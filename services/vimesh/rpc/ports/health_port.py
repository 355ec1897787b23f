"""Serves health on its own port and in its own threads, so that it answers while the loop is busy with calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1.health_pb2 import DESCRIPTOR, HealthCheckRequest, HealthCheckResponse

from vimesh.rpc.parsing.unreadable_requests import REFUSAL, parse_or_none
from vimesh.rpc.ports.loop_vitals import LoopVitals
from vimesh.rpc.ports.port_binding import listen_on

_STOP_WITHIN_S = 2.0
_THREADS = 2
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    # Each balancer checks over one connection, one call at a time; there are no other callers.
    ("grpc.max_concurrent_streams", 16),
    ("grpc.max_receive_message_length", 1024),
    # Close connections that make no calls.
    ("grpc.max_allowed_incoming_connections", 1024),
    ("grpc.max_connection_idle_ms", 60_000),
    ("grpc.server_handshake_timeout_ms", 10_000),
)
LIVE = "live"
"""Name of a service that serves while the loop runs, whatever the database does: what does not has to be restarted."""
_parse = parse_or_none(HealthCheckRequest.FromString)
_SERVICE = DESCRIPTOR.services_by_name["Health"].full_name


class _Check:
    """Answers from the current vitals. Watch is not offered, because balancers poll."""

    def __init__(self, vitals: LoopVitals, services: Sequence[str]) -> None:
        self._vitals = vitals
        self._services = frozenset(services)

    def __call__(self, data: bytes, context: grpc.ServicerContext) -> HealthCheckResponse:
        request = _parse(data)
        if request is None:
            code, message, trailers = REFUSAL
            context.set_trailing_metadata(trailers)
            context.abort(code, message)
        elif request.service not in self._services and request.service != LIVE:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        serving = self._vitals.loop_runs if request.service == LIVE else self._vitals.serving
        return HealthCheckResponse(status=HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING)


@asynccontextmanager
async def answering_health(
    listen: str,
    vitals: LoopVitals,
    services: Sequence[str],
    credentials: grpc.ServerCredentials | None = None,
    setting: str = "health_listen",
) -> AsyncGenerator[int]:
    """Answer health checks while the block runs, by TLS if there are credentials. Yields the port.

    Raises BadSetting, naming the setting, if it cannot listen.
    """
    # No deserializer: a threaded gRPC server never frees the stream of a request that fails to deserialize.
    check: grpc.RpcMethodHandler[bytes, HealthCheckResponse] = grpc.unary_unary_rpc_method_handler(
        _Check(vitals, services), response_serializer=HealthCheckResponse.SerializeToString
    )
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="health") as threads:
        server = grpc.server(threads, options=_OPTIONS)
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(_SERVICE, {"Check": check})])
        port = listen_on(server, setting, listen, credentials)
        server.start()
        try:
            yield port
        finally:
            await asyncio.to_thread(lambda: server.stop(None).wait(_STOP_WITHIN_S))


@asynccontextmanager
async def answering_probes(listen: str, vitals: LoopVitals, services: Sequence[str]) -> AsyncGenerator[None]:
    """Answer the same without TLS, to a supervisor that has no certificate, such as a kubelet; "": not at all.

    Raises BadSetting if it cannot listen.
    """
    if not listen:
        yield
        return
    async with answering_health(listen, vitals, services, setting="probe_listen"):
        yield
