"""Clients show what is in their files now, and lose no call when those are replaced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from structlog.testing import capture_logs

from tests.support.timing.waiting import until
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.file_generations import replace_files
from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.domain.errors import BadSetting
from vimesh.rpc import renewing_channel
from vimesh.rpc.channels import channel
from vimesh.rpc.client_credentials import CredentialFolder
from vimesh.rpc.renewing_channel import RenewingChannel

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
SERVICE = "vimesh.test.Peers"
PATIENCE_S = 20.0


def issue(folder: CertificateFolder, role: Role, name: str) -> Path:
    identity = SpiffeId("vimesh", role, name)
    folder.issue(identity, ("127.0.0.1",) if role.serves else (), DAY, NOW)
    return folder.folder_of(identity)


@pytest.fixture
def certificates(tmp_path: Path) -> CertificateFolder:
    folder = CertificateFolder(tmp_path / "certs")
    folder.init("vimesh", NOW)
    return folder


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
    shown = context.auth_context().get("peer_spiffe_id", [b"nobody"])[0]
    token = dict(context.invocation_metadata() or ()).get("authorization", "")
    return shown + (b" " + token.encode() if isinstance(token, str) and token else b"")


@asynccontextmanager
async def serving(files: Path, *, requires_certificate: bool = True) -> AsyncGenerator[tuple[Peers, str]]:
    peers = Peers()
    server = grpc.aio.server()
    handlers = {
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
            watch: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = opened.unary_stream(f"/{SERVICE}/Watch")
            stream = watch(b"", timeout=PATIENCE_S)
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
        (lambda files: (files / "ca.crt").write_bytes(b"\xff" * 300_000), "is larger than 262144 bytes"),
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
