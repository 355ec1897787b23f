"""Over TLS, a conductor listens to the front alone, and takes a new certificate without losing a call."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from tests.support.deployments.conductors import client_on
from tests.support.deployments.secured_conductors import (
    ADMIN,
    READER,
    Certificates,
    headers_of,
    tls_client,
)
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.access.server_certificates import ServerCertificates
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.domain.errors import BadSetting
from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED
from vimesh.v1 import access_service_pb2 as pb

WITHIN_S = 30
CALLERS = 8
ROTATIONS = 3


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "certs")


@asynccontextmanager
async def conductor(folder: Path, credentials: Path, *, requires_identity: bool = True) -> AsyncGenerator[int]:
    settings = ConductorSettings(
        listen="127.0.0.1:0", credentials=credentials, requires_identity=requires_identity, drain_s=0, grace_s=1
    )
    async with store_at(sqlite_url(folder / "vimesh.sqlite")) as store, serving(store, settings) as ports:
        yield ports.main


async def identity_seen(port: int, certificate: Path, *headers: tuple[str, str]) -> str:
    async with tls_client(port, certificate, certificate, *headers) as client:
        return (await client.access.WhoAmI(pb.WhoAmIRequest(), timeout=WITHIN_S)).identity


def serial_of(port: int, certificate: Path) -> int:
    """Return the serial number of the certificate that a new connection gets."""
    context = ssl.create_default_context(cafile=str(certificate / TRUSTED))
    context.load_cert_chain(certificate / CERTIFICATE, certificate / KEY)
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=WITHIN_S) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as encrypted,
    ):
        der = encrypted.getpeercert(binary_form=True)
    assert der is not None
    return x509.load_der_x509_certificate(der).serial_number


async def test_the_front_may_say_who_calls_and_no_other_part(tmp_path: Path, certificates: Certificates) -> None:
    front, monitor = certificates.issue("front", "f1"), certificates.issue("monitor", "m1")
    async with conductor(tmp_path, certificates.issue("conductor", "c1")) as port:
        assert await identity_seen(port, front, *headers_of(*READER)) == READER[0]
        for certificate, headers in ((monitor, headers_of(*ADMIN)), (monitor, ()), (front, ())):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await identity_seen(port, certificate, *headers)
            assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_the_front_of_another_trust_domain_is_not_ours(tmp_path: Path, certificates: Certificates) -> None:
    others = Certificates(tmp_path / "others", "elsewhere")
    ours = certificates.issue("conductor", "c1")
    certificates.trust(others)
    others.trust(certificates)
    async with conductor(tmp_path, ours) as port:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await identity_seen(port, others.issue("front", "f1"), *headers_of(*ADMIN))

    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_no_handshake_ends_well_without_a_certificate_that_is_trusted(
    tmp_path: Path, certificates: Certificates
) -> None:
    others = Certificates(tmp_path / "others")
    ours = certificates.issue("conductor", "c1")
    async with conductor(tmp_path, ours, requires_identity=False) as port:
        for certificate in (None, others.issue("front", "f1")):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                async with tls_client(port, certificate, ours) as client:
                    await client.access.WhoAmI(pb.WhoAmIRequest(), timeout=WITHIN_S)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await client_on(channel, "").access.WhoAmI(pb.WhoAmIRequest(), timeout=WITHIN_S)


async def test_certificates_are_renewed_under_load_without_a_failed_call(
    tmp_path: Path, certificates: Certificates
) -> None:
    front = certificates.issue("front", "f1")
    ours = certificates.issue("conductor", "c1")
    stopping = asyncio.Event()
    rounds = asyncio.Semaphore(0)

    async def call_on(port: int) -> None:
        """Call on one connection all the time, and on a new one now and then."""
        async with tls_client(port, front, front, *headers_of(*READER)) as client:
            while not stopping.is_set():
                for _ in range(10):
                    await client.access.WhoAmI(pb.WhoAmIRequest(), timeout=WITHIN_S)
                assert await identity_seen(port, front, *headers_of(*READER)) == READER[0]
                rounds.release()

    async with conductor(tmp_path, ours) as port:
        serials = [await asyncio.to_thread(serial_of, port, front)]
        async with asyncio.TaskGroup() as tasks:
            for _ in range(CALLERS):
                tasks.create_task(call_on(port))
            for _ in range(ROTATIONS):
                certificates.renew("conductor", "c1")
                serials.append(await asyncio.to_thread(serial_of, port, front))
                for _ in range(2 * CALLERS):
                    await rounds.acquire()
            stopping.set()

    assert len(set(serials)) == ROTATIONS + 1


async def test_a_certificate_that_cannot_be_used_leaves_the_present_one(
    tmp_path: Path, certificates: Certificates
) -> None:
    front, ours = certificates.issue("front", "f1"), certificates.issue("conductor", "c1")
    plain = tmp_path / "plain"
    plain.mkdir()
    for name in (CERTIFICATE, KEY, TRUSTED):
        (plain / name).write_bytes((ours / name).read_bytes())
    async with conductor(tmp_path, plain) as port:
        first = await asyncio.to_thread(serial_of, port, front)
        certificates.renew("conductor", "c1")
        (plain / CERTIFICATE).write_bytes((ours / CERTIFICATE).read_bytes())
        half_replaced = await asyncio.to_thread(serial_of, port, front)
        (plain / KEY).write_bytes((ours / KEY).read_bytes())
        replaced = await asyncio.to_thread(serial_of, port, front)

    assert first == half_replaced
    assert first != replaced


@pytest.mark.parametrize("missing", [CERTIFICATE, KEY, TRUSTED])
def test_a_conductor_does_not_start_without_its_certificate(
    tmp_path: Path, certificates: Certificates, missing: str
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    ours = certificates.issue("conductor", "c1")
    for name in {CERTIFICATE, KEY, TRUSTED} - {missing}:
        (folder / name).write_bytes((ours / name).read_bytes())
    with pytest.raises(BadSetting, match="credentials"):
        ServerCertificates(folder)
    (folder / missing).write_bytes(b"-----BEGIN NOTHING-----\n")
    with pytest.raises(BadSetting, match="credentials"):
        ServerCertificates(folder)
