"""Serves over TLS, and says who calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc

from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.spiffe_ids import Role, SpiffeId

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
SERVICE = "vimesh.test.Peers"


def issue(folder: CertificateFolder, role: Role, name: str, lifetime: timedelta = DAY, at: datetime = NOW) -> Path:
    """Make a certificate; return the folder with its files."""
    identity = SpiffeId("vimesh", role, name)
    folder.issue(identity, ("127.0.0.1",) if role.serves else (), lifetime, at)
    return folder.folder_of(identity)


class Peers:
    """A server that answers each call with who called, and a stream with the same when it is told to end."""

    def __init__(self) -> None:
        self.streams = 0
        self.ending = asyncio.Event()

    async def who(self, _request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return _caller(context)

    async def watch(self, _request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> AsyncIterator[bytes]:
        self.streams += 1
        yield _caller(context)
        await self.ending.wait()
        yield _caller(context)


def _caller(context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    shown = b"".join(context.auth_context().get("peer_spiffe_id", [b"nobody"]))
    token = dict(context.invocation_metadata() or ()).get("authorization", "")
    return b" ".join(filter(None, [shown, token.encode() if isinstance(token, str) else token]))


@asynccontextmanager
async def serving(files: Path, *, requires_certificate: bool = True) -> AsyncGenerator[tuple[Peers, str]]:
    peers = Peers()
    server = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        "Who": grpc.unary_unary_rpc_method_handler(peers.who),
        "Watch": grpc.unary_stream_rpc_method_handler(peers.watch),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    pair = ((files / "tls.key").read_bytes(), (files / "tls.crt").read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], (files / "ca.crt").read_bytes(), require_client_auth=requires_certificate
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield peers, f"127.0.0.1:{port}"
    finally:
        peers.ending.set()
        await server.stop(grace=1)


def who_on(opened: grpc.aio.Channel) -> grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]:
    return opened.unary_unary(f"/{SERVICE}/Who")


def watch_on(opened: grpc.aio.Channel) -> grpc.aio.UnaryStreamMultiCallable[bytes, bytes]:
    return opened.unary_stream(f"/{SERVICE}/Watch")
