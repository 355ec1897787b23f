"""Runs a conductor that requires identities, and calls it as the front would: with what it has proved in headers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc

from tests.support.deployments.conductors import Client, announcing_tables, client_on
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.spiffe_ids import SpiffeId, parse_spiffe_id
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.files.certificate_files import CERTIFICATE, KEY, REVOKED, TRUSTED
from vimesh.store.sql_store import SqlStore

ADMIN = ("spiffe://vimesh/cli/root", "admin", "*")
READER = ("spiffe://vimesh/cli/ann", "reader", "a")
OPERATOR = ("https://login.example#bob", "operator", "a")
OTHER_OPERATOR = ("https://login.example#eve", "operator", "b")
MONITOR = ("spiffe://vimesh/monitor/m1", "reporter", "*")
EXECUTOR = ("spiffe://vimesh/executor/e1", "reporter", "*")
REPORTER = ("spiffe://vimesh/bridge/b1", "reporter", "a")
DRIVER = ("spiffe://vimesh/api/a1", "driver", "*")
CONSOLE = ("spiffe://vimesh/console/c1", "console", "*")
NOTIFIER = ("spiffe://vimesh/notifier/n1", "notifier,reader", "*")

_Details = grpc.aio.ClientCallDetails


@dataclass(frozen=True)
class _Introduction:
    """Adds what the front would have proved to each call."""

    headers: tuple[tuple[str, str], ...]

    def details(self, details: _Details) -> _Details:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), *self.headers)
        return _Details(details.method, details.timeout, metadata, details.credentials, details.wait_for_ready)


class _Unary(_Introduction, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: _Details, request: object
    ) -> Any:  # noqa: ANN401 - gRPC's
        return await continuation(self.details(client_call_details), request)


class _Stream(_Introduction, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: _Details, request: object
    ) -> Any:  # noqa: ANN401 - gRPC's
        return await continuation(self.details(client_call_details), request)


class _Streams(_Introduction, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: Callable[..., Any], client_call_details: _Details, request_iterator: object
    ) -> Any:  # noqa: ANN401 - gRPC's
        return await continuation(self.details(client_call_details), request_iterator)


def interceptors(*headers: tuple[str, str]) -> list[grpc.aio.ClientInterceptor]:
    return [_Unary(headers), _Stream(headers), _Streams(headers)]


def headers_of(identity: str, roles: str, projects: str) -> tuple[tuple[str, str], ...]:
    return (("x-vimesh-identity", identity), ("x-vimesh-roles", roles), ("x-vimesh-projects", projects))


@asynccontextmanager
async def secured(store: SqlStore, folder: Path, **settings: Any) -> AsyncGenerator[str]:  # noqa: ANN401 - ConductorSettings'
    """Serve on a socket in a folder; yields its address."""
    address = f"unix:{folder}/socket"
    given = ConductorSettings(listen=address, requires_identity=True, drain_s=0, grace_s=1, **settings)
    async with serving(store, announcing_tables(given)):
        yield address


@asynccontextmanager
async def client_as(address: str, who: tuple[str, str, str] | None) -> AsyncGenerator[Client]:
    """Call as somebody: identity, roles, projects. None: no identity was proved."""
    added = interceptors(*headers_of(*who)) if who else []
    async with grpc.aio.insecure_channel(address, interceptors=added) as opened:
        yield client_on(opened, address)


class Certificates:
    """The certificates of a fleet, in a folder."""

    def __init__(self, folder: Path, trust_domain: str = "vimesh") -> None:
        self._folder = CertificateFolder(folder)
        self._folder.init(trust_domain, datetime.now(UTC))
        self._trust_domain = trust_domain

    def issue(self, role: str, name: str) -> Path:
        """Issue a certificate, and return the folder with its files."""
        identity = self._identity(role, name)
        self._folder.issue(identity, ["localhost", "127.0.0.1"], timedelta(days=1), datetime.now(UTC))
        return self._folder.folder_of(identity)

    def renew(self, role: str, name: str) -> None:
        self._folder.renew(self._identity(role, name), datetime.now(UTC))

    def revoke(self, role: str, name: str) -> None:
        assert self._folder.revoke(self._identity(role, name), datetime.now(UTC))

    def trust(self, other: Certificates, *, with_lists: bool = False) -> None:
        lists = (other._folder.path / "trust" / REVOKED).read_bytes() if with_lists else b""
        self._folder.trust(other._folder.trusted() + lists, datetime.now(UTC))

    def _identity(self, role: str, name: str) -> SpiffeId:
        return parse_spiffe_id(f"spiffe://{self._trust_domain}/{role}/{name}")


@asynccontextmanager
async def tls_client(
    port: int, certificate: Path | None, trusted: Path, *headers: tuple[str, str]
) -> AsyncGenerator[Client]:
    """Connect by TLS, with the certificate in a folder, if one is given."""
    key, chain = (
        ((certificate / KEY).read_bytes(), (certificate / CERTIFICATE).read_bytes()) if certificate else (None, None)
    )
    credentials = grpc.ssl_channel_credentials((trusted / TRUSTED).read_bytes(), key, chain)
    # Each client has connections of its own: gRPC would share those of equal channels.
    options = (("grpc.use_local_subchannel_pool", 1),)
    address = f"localhost:{port}"
    async with grpc.aio.secure_channel(
        address, credentials, options=options, interceptors=interceptors(*headers)
    ) as opened:
        yield client_on(opened, address)
