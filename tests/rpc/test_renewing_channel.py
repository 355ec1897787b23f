"""Clients show what is in their files now, and lose no call when those are replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
from structlog.testing import capture_logs

from tests.support.callers.tls_server import NOW, issue, serving, watch_on, who_on
from tests.support.timing.waiting import until
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.file_generations import replace_files
from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.domain.errors import BadSetting
from vimesh.rpc import renewing_channel
from vimesh.rpc.channels import channel
from vimesh.rpc.client_credentials import CredentialFolder
from vimesh.rpc.renewing_channel import RenewingChannel

PATIENCE_S = 20.0


@pytest.fixture
def certificates(tmp_path: Path) -> CertificateFolder:
    folder = CertificateFolder(tmp_path / "certs")
    folder.init("vimesh", NOW)
    return folder


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the files with each call."""
    monkeypatch.setattr(renewing_channel, "LOOK_EVERY_S", 0.0)


@pytest.mark.usefixtures("hurried")
async def test_a_client_shows_the_certificate_that_is_in_its_files_now(certificates: CertificateFolder) -> None:
    files = issue(certificates, Role.MONITOR, "m1")
    other = issue(certificates, Role.MONITOR, "m2")
    async with serving(issue(certificates, Role.FRONT, "f")) as (_, address), channel(address, files) as opened:
        who = who_on(opened)
        assert await who(b"", timeout=PATIENCE_S) == b"spiffe://vimesh/monitor/m1"

        replace_files(files, {name: (other / name).read_bytes() for name in ("tls.key", "tls.crt", "ca.crt")})

        assert await who(b"", timeout=PATIENCE_S) == b"spiffe://vimesh/monitor/m2"


@pytest.mark.usefixtures("hurried")
async def test_a_stream_outlives_the_renewal_and_the_former_channel_ends_with_it(
    certificates: CertificateFolder,
) -> None:
    files = issue(certificates, Role.CLI, "ann")
    made: list[Channel] = []
    async with serving(issue(certificates, Role.FRONT, "f")) as (peers, address):

        def open_channel(shown: grpc.ChannelCredentials) -> grpc.aio.Channel:
            made.append(Channel(grpc.aio.secure_channel(address, shown)))
            return made[-1].channel

        async with RenewingChannel(CredentialFolder(files), open_channel) as opened:
            stream = watch_on(opened)(b"", timeout=PATIENCE_S)
            assert await stream.read() == b"spiffe://vimesh/cli/ann"
            certificates.renew(SpiffeId("vimesh", Role.CLI, "ann"), NOW)
            who = who_on(opened)
            for _ in range(3):
                assert await who(b"", timeout=PATIENCE_S) == b"spiffe://vimesh/cli/ann"
            assert [each.is_closed for each in made] == [False, False]

            peers.ending.set()
            assert await stream.read() == b"spiffe://vimesh/cli/ann"
            assert await stream.read() is grpc.aio.EOF

            await until(lambda: [each.is_closed for each in made] == [True, False], PATIENCE_S)
        assert [each.is_closed for each in made] == [True, True]


class Channel:
    """A channel of gRPC, and whether it was closed."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    @property
    def is_closed(self) -> bool:
        try:
            return self.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
        except grpc.aio.UsageError:
            return True


@pytest.mark.usefixtures("hurried")
async def test_no_call_is_lost_while_certificates_are_renewed_again_and_again(certificates: CertificateFolder) -> None:
    files = issue(certificates, Role.API, "a")
    answered = 0
    async with serving(issue(certificates, Role.FRONT, "f")) as (_, address), channel(address, files) as opened:
        who = who_on(opened)
        done = asyncio.Event()

        async def call_often() -> None:
            nonlocal answered
            while not done.is_set():
                assert await who(b"", timeout=PATIENCE_S) == b"spiffe://vimesh/api/a"
                answered += 1

        async with asyncio.TaskGroup() as callers:
            for _ in range(8):
                callers.create_task(call_often())
            for _ in range(10):
                before = answered
                await until(lambda: answered >= before + 50, PATIENCE_S)  # noqa: B023 - called in this turn only
                await asyncio.to_thread(certificates.renew, SpiffeId("vimesh", Role.API, "a"), NOW)
            done.set()


async def test_a_token_is_shown_over_tls(certificates: CertificateFolder, tmp_path: Path) -> None:
    front = issue(certificates, Role.FRONT, "f")
    person = tmp_path / "person"
    person.mkdir()
    (person / "ca.crt").write_bytes(certificates.trusted())
    (person / "token").write_text("e.y.J\n")
    async with serving(front, requires_certificate=False) as (_, address), channel(address, person) as opened:
        assert await who_on(opened)(b"", timeout=PATIENCE_S) == b"nobody Bearer e.y.J"


@pytest.mark.usefixtures("hurried")
async def test_files_that_cannot_be_used_are_told_once_and_calls_go_on(certificates: CertificateFolder) -> None:
    files = issue(certificates, Role.MONITOR, "m1")
    async with serving(issue(certificates, Role.FRONT, "f")) as (_, address), channel(address, files) as opened:
        who = who_on(opened)
        await who(b"", timeout=PATIENCE_S)
        with capture_logs() as logs:
            replace_files(files, {"tls.crt": b"no certificate"})
            for _ in range(3):
                assert await who(b"", timeout=PATIENCE_S) == b"spiffe://vimesh/monitor/m1"

    assert [entry["event"] for entry in logs] == ["new credentials cannot be used: calls go on with the former ones"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda files: (files / "tls.key").unlink(), "needs tls.crt and tls.key, or neither of them"),
        (lambda files: (files / "tls.crt").unlink(), "needs tls.crt and tls.key, or neither of them"),
        (lambda files: (files / "tls.key").write_text("?"), "must be a certificate and its unencrypted key, in PEM"),
        (lambda files: (files / "ca.crt").write_text("?"), "must hold certificates in PEM"),
        (lambda files: (files / "ca.crt").write_bytes(b"\xff" * 1_100_000), "ca.crt is larger than 1048576 bytes"),
        (lambda files: (files / "token").write_text("two words"), "must hold a bearer token in one line of ASCII"),
        (lambda files: [(files / name).unlink() for name in ("tls.crt", "tls.key", "ca.crt")], "holds none of"),
    ],
)
def test_what_is_wrong_with_the_files_is_said(
    certificates: CertificateFolder, change: Callable[[Path], object], says: str
) -> None:
    files = issue(certificates, Role.MONITOR, "m1")
    change(files)

    with pytest.raises(BadSetting, match=says):
        CredentialFolder(files).read()
