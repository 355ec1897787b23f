"""What a person is told when the front and the command line do not understand each other over TLS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from tests.support.callers.tls_server import DAY, NOW, issue, serving
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.spiffe_ids import Role
from vimesh.cli.base.exits import ExitCode, Failure
from vimesh.cli.client.explain_failures import failure
from vimesh.client.calls.front_stubs import connected
from vimesh.v1 import vim_service_pb2 as pb

Choose = Callable[[CertificateFolder, CertificateFolder], Path | None]


def without_certificate(ours: CertificateFolder, _theirs: CertificateFolder) -> Path:
    folder = ours.path / "trust-only"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(ours.trusted())
    return folder


def of_another_fleet(ours: CertificateFolder, theirs: CertificateFolder) -> Path:
    folder = issue(theirs, Role.CLI, "ann")
    (folder / "ca.crt").unlink()
    (folder / "ca.crt").write_bytes(ours.trusted())
    return folder


@pytest.mark.parametrize(
    ("host", "choose", "says", "hint"),
    [
        ("127.0.0.1", lambda _ours, _theirs: None, "may require a valid certificate", "vimesh certs issue"),
        ("127.0.0.1", without_certificate, "may require a valid certificate", "vimesh certs issue"),
        ("127.0.0.1", of_another_fleet, "may require a valid certificate", "vimesh certs issue"),
        (
            "127.0.0.1",
            lambda ours, _theirs: issue(ours, Role.CLI, "old", timedelta(minutes=1), NOW - DAY),
            "may require a valid certificate",
            "vimesh certs issue",
        ),
        (
            "127.0.0.1",
            lambda _ours, theirs: issue(theirs, Role.CLI, "ann"),
            "is not trusted: unable to get local issuer certificate",
            "ca.crt in the folder",
        ),
        ("localhost", lambda ours, _theirs: issue(ours, Role.CLI, "ann"), "is not for localhost", "a host name"),
    ],
)
async def test_a_failed_handshake_is_explained(tmp_path: Path, host: str, choose: Choose, says: str, hint: str) -> None:
    ours, theirs = CertificateFolder(tmp_path / "ours"), CertificateFolder(tmp_path / "theirs")
    for each in (ours, theirs):
        each.init("vimesh", NOW)
    async with serving(issue(ours, Role.FRONT, "f")) as (_, address):
        called = address.replace("127.0.0.1", host)
        explained = await ask(called, choose(ours, theirs))

    assert says in str(explained)
    assert hint in explained.hint
    assert explained.code is ExitCode.UNAVAILABLE


async def test_a_front_without_tls_is_named(tmp_path: Path) -> None:
    ours = CertificateFolder(tmp_path / "ours")
    ours.init("vimesh", NOW)
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    explained = await ask(f"127.0.0.1:{port}", issue(ours, Role.CLI, "ann"))

    assert str(explained) == f"127.0.0.1:{port} does not use TLS (UNAVAILABLE)"
    await server.stop(grace=None)


async def ask(address: str, credentials: Path | None) -> Failure:
    async with connected(address, 20, credentials) as front:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await front.vims.GetVim(pb.GetVimRequest(vim_id="x"), timeout=20)
    return failure(failed.value, address)
