"""Serves as a conductor and as an api process that answer everything, and record who called by what the front says."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from cryptography import x509
from grpc import aio
from grpc_health.v1.health_pb2 import HealthCheckResponse

from vimesh.conductor.ports.grpc_limits import OPTIONS

CALL = "call-number"
"""Header by which a test finds its own call again."""
_HEALTH = "/grpc.health.v1.Health/"
_SERVING = HealthCheckResponse(status=HealthCheckResponse.SERVING).SerializeToString()


@dataclass(frozen=True, slots=True)
class Received:
    path: str
    headers: dict[str, str]
    peer: str
    """The SPIFFE ID of whoever made the connection; empty without TLS."""

    @property
    def identity(self) -> dict[str, str]:
        """The headers with which the front says who calls, by the rest of their names."""
        said = {name.replace("_", "-"): value for name, value in self.headers.items()}
        return {name.removeprefix("x-vimesh-"): value for name, value in said.items() if name.startswith("x-vimesh-")}


@dataclass(slots=True)
class Records:
    port: int = 0
    calls: dict[str, Received] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


class _AnyCall(grpc.GenericRpcHandler):
    """Answers each call with one empty message, whatever its method and messages are."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        path = handler_call_details.method
        headers = {str(key): str(value) for key, value in handler_call_details.invocation_metadata}

        async def answer(
            requests: AsyncIterator[bytes], context: aio.ServicerContext[bytes, bytes]
        ) -> AsyncIterator[bytes]:
            peer = b"".join(context.auth_context().get("peer_spiffe_id", ())).decode()
            if CALL in headers:
                self._records.calls[headers[CALL]] = Received(path, headers, peer)
            async for _ in requests:
                pass
            yield _SERVING if path.startswith(_HEALTH) else b""

        return grpc.stream_stream_rpc_method_handler(answer)


@asynccontextmanager
async def recording_conductor(credentials: grpc.ServerCredentials | None = None) -> AsyncGenerator[Records]:
    records = Records()
    server = aio.server(options=OPTIONS)
    server.add_generic_rpc_handlers((_AnyCall(records),))
    if credentials is None:
        records.port = server.add_insecure_port("127.0.0.1:0")
    else:
        records.port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield records
    finally:
        await server.stop(None)


@asynccontextmanager
async def recording_api(context: ssl.SSLContext | None = None) -> AsyncGenerator[Records]:
    records = Records()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if CALL in headers:
                records.calls[headers[CALL]] = Received(self.path, headers, _peer(self.connection))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PROPFIND = _answer  # noqa: N815 - names of the base class

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        # The handshake is left to the thread of each connection.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    records.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield records
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()


def _peer(connection: object) -> str:
    if not isinstance(connection, ssl.SSLSocket):
        return ""
    certificate = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)[0]
