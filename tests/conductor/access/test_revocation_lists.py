"""A front whose certificate was revoked is a stranger to conductors, on the connections that it has, too."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from tests.support.deployments.conductors import Client
from tests.support.deployments.secured_conductors import (
    READER,
    Certificates,
    headers_of,
    tls_client,
)
from tests.support.sql.stores import sqlite_url, store_at
from tests.support.timing.waiting import eventually
from vimesh.conductor.access.revocation_lists import LOOK_EVERY_S, RevocationLists
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.domain.errors import BadSetting
from vimesh.files.certificate_files import CERTIFICATE, REVOKED
from vimesh.v1 import access_service_pb2 as pb

WITHIN_S = 30
REVOKED_FRONT = "UNAUTHENTICATED: the caller is unknown: the certificate of the front was revoked"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path / "certs")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def refusal(client: Client) -> str:
    """Return why a call is refused; empty if it is answered."""
    try:
        await client.access.WhoAmI(pb.WhoAmIRequest(), timeout=WITHIN_S)
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}"
    return ""


async def test_a_revoked_front_is_refused_on_old_and_new_connections(
    tmp_path: Path, certificates: Certificates
) -> None:
    ours = certificates.issue("conductor", "c1")
    fronts = [certificates.issue("front", name) for name in ("f1", "f2")]
    settings = ConductorSettings(listen="127.0.0.1:0", credentials=ours, requires_identity=True, drain_s=0, grace_s=1)
    said = headers_of(*READER)
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        serving(store, settings) as ports,
        tls_client(ports.main, fronts[0], ours, *said) as stolen,
        tls_client(ports.main, fronts[1], ours, *said) as other,
    ):
        assert await refusal(stolen) == await refusal(other) == ""

        certificates.revoke("front", "f1")

        async def is_refused() -> bool:
            return await refusal(stolen) == REVOKED_FRONT

        await eventually(is_refused, WITHIN_S)
        async with tls_client(ports.main, fronts[0], ours, *said) as again:
            assert await refusal(again) == REVOKED_FRONT
        assert await refusal(other) == ""
        # Another certificate for the same front is as good as any.
        async with tls_client(ports.main, certificates.issue("front", "f1"), ours, *said) as renewed:
            assert await refusal(renewed) == ""


def test_a_list_that_cannot_be_read_or_is_gone_leaves_the_present_one(
    tmp_path: Path, certificates: Certificates
) -> None:
    folder, clock = tmp_path / "plain", Clock()
    folder.mkdir()
    front = (certificates.issue("front", "f1") / CERTIFICATE).read_bytes()
    ours = certificates.issue("conductor", "c1")
    lists = RevocationLists(folder, clock)
    assert not lists.includes(front)

    certificates.revoke("front", "f1")
    (folder / REVOKED).write_bytes((ours / REVOKED).read_bytes())
    assert not lists.includes(front)
    for spoil in (lambda: None, lambda: (folder / REVOKED).write_bytes(b"?"), (folder / REVOKED).unlink):
        spoil()
        clock.now += LOOK_EVERY_S
        assert lists.includes(front)

    (folder / REVOKED).write_bytes(b"?")
    with pytest.raises(BadSetting, match="no list of revoked certificates"):
        RevocationLists(folder, clock)


def test_the_list_of_another_authority_counts_too(tmp_path: Path, certificates: Certificates) -> None:
    others = Certificates(tmp_path / "others", "elsewhere")
    ours, theirs = certificates.issue("front", "f1"), others.issue("front", "f1")
    others.revoke("front", "f1")
    certificates.trust(others, with_lists=True)

    lists = RevocationLists(certificates.issue("conductor", "c2"))

    assert lists.includes((theirs / CERTIFICATE).read_bytes())
    assert not lists.includes((ours / CERTIFICATE).read_bytes())
