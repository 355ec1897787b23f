"""A call that is refused for its token is made again, once, if there is another token by now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from tests.support.callers.tls_server import NOW, issue
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.spiffe_ids import Role
from vimesh.client import AsyncClient, BearerToken, Credentials, NotAuthenticated, NotFound, TokenCredentials, Vim
from vimesh.rpc import renewing_channel
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1 import vim_service_pb2_grpc

Context = grpc.aio.ServicerContext[object, object]
VIM_ID = "7b3ac6ab-1c53-46b2-8c61-86bcb9b2f7a1"
LATER = 4_000_000_000.0


class Doorkeeper(vim_service_pb2_grpc.VimServiceServicer):
    """Answers callers with the token that it wants, and notes those of all."""

    def __init__(self) -> None:
        self.wanted = "first"
        self.tokens: list[str] = []

    async def _take(self, context: Context) -> None:
        token = str(dict(context.invocation_metadata() or ()).get("authorization", "")).removeprefix("Bearer ")
        self.tokens.append(token)
        if token != self.wanted:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who is that?")

    async def GetVim(self, request: pb.GetVimRequest, context: Context) -> pb.GetVimResponse:  # noqa: N802 - the RPC
        await self._take(context)
        return pb.GetVimResponse(vim=Vim(id=request.vim_id))

    async def DeregisterVim(self, _request: pb.DeregisterVimRequest, context: Context) -> pb.DeregisterVimResponse:  # noqa: N802 - the RPC
        await self._take(context)
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone")
        return pb.DeregisterVimResponse()

    async def WatchVims(self, _request: pb.WatchVimsRequest, context: Context) -> AsyncIterator[pb.WatchVimsResponse]:  # noqa: N802 - the RPC
        await self._take(context)
        yield pb.WatchVimsResponse(revision=len(self.tokens))


@pytest.fixture(autouse=True)
def no_other_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing but a refusal be a reason to look at the files again."""
    monkeypatch.setattr(renewing_channel, "LOOK_EVERY_S", float("inf"))


@pytest.fixture
def front(tmp_path: Path) -> Path:
    """The files of a front."""
    folder = CertificateFolder(tmp_path / "certs")
    folder.init("vimesh", NOW)
    return issue(folder, Role.FRONT, "f")


@pytest.fixture
def person(front: Path, tmp_path: Path) -> Path:
    """The files of a person, with the token `first`."""
    folder = tmp_path / "person"
    folder.mkdir()
    (folder / "ca.crt").write_bytes((front / "ca.crt").read_bytes())
    (folder / "token").write_text("first")
    return folder


@asynccontextmanager
async def guarded(front: Path, credentials: Credentials) -> AsyncGenerator[tuple[Doorkeeper, AsyncClient]]:
    doorkeeper = Doorkeeper()  # type: ignore[abstract]  # the other RPCs are not called
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    vim_service_pb2_grpc.add_VimServiceServicer_to_server(doorkeeper, server)
    pair = ((front / "tls.key").read_bytes(), (front / "tls.crt").read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await server.start()
    try:
        async with AsyncClient.connect(f"127.0.0.1:{port}", credentials=credentials, environment={}) as client:
            yield doorkeeper, client
    finally:
        await server.stop(None)


async def test_a_token_whose_file_was_replaced_is_read_at_once(front: Path, person: Path) -> None:
    async with guarded(front, person) as (doorkeeper, client):
        await client.vims.get(VIM_ID)
        doorkeeper.wanted = "second"
        (person / "token").write_text("second")

        answers = await asyncio.gather(*(client.vims.get(VIM_ID) for _ in range(3)))

    assert [vim.id for vim in answers] == [VIM_ID] * 3
    assert sorted(doorkeeper.tokens) == ["first"] * 4 + ["second"] * 3


async def test_a_call_is_not_made_again_with_the_same_token(front: Path, person: Path) -> None:
    async with guarded(front, person) as (doorkeeper, client):
        doorkeeper.wanted = "second"
        with pytest.raises(NotAuthenticated):
            await client.vims.get(VIM_ID)

    assert doorkeeper.tokens == ["first"]


async def test_a_function_is_asked_for_another_token_once(front: Path) -> None:
    given: list[str] = []

    def token() -> BearerToken:
        given.append(f"{len(given)}")
        return BearerToken(given[-1], LATER)

    async with guarded(front, TokenCredentials(token, front / "ca.crt")) as (doorkeeper, client):
        doorkeeper.wanted = "1"
        await client.vims.get(VIM_ID)
        doorkeeper.wanted = "never"
        with pytest.raises(NotAuthenticated):
            await client.vims.get(VIM_ID)

    assert doorkeeper.tokens == ["0", "1", "1", "2"]


async def test_a_refused_removal_has_removed_nothing(front: Path, person: Path) -> None:
    async with guarded(front, person) as (doorkeeper, client):
        doorkeeper.wanted = "second"
        (person / "token").write_text("second")
        with pytest.raises(NotFound):
            await client.vims.deregister(VIM_ID)

    assert doorkeeper.tokens == ["first", "second"]


async def test_a_watch_goes_on_with_another_token(front: Path, person: Path) -> None:
    async with guarded(front, person) as (doorkeeper, client), aclosing(client.vims.watch()) as updates:
        await anext(updates)
        doorkeeper.wanted = "second"
        (person / "token").write_text("second")
        update = await anext(updates)
        doorkeeper.wanted = "third"
        with pytest.raises(NotAuthenticated):
            await anext(updates)

    assert doorkeeper.tokens == ["first", "first", "second", "second"]
    assert str(update.position) == "3"
