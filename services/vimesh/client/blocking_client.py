"""A client for programs without asyncio."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Self, TypeVar

import grpc
from google.protobuf.message import Message

from vimesh.client.async_client import CALL_TIMEOUT_S, AsyncClient, Credentials
from vimesh.client.blocking_vim_calls import BlockingVimCalls
from vimesh.client.loop_thread import LoopThread, loop_thread
from vimesh.v1.access_service_pb2 import WhoAmIResponse

_Request = TypeVar("_Request", bound=Message)
_Answer = TypeVar("_Answer", bound=Message)


class Client:
    """Does what AsyncClient does, and returns when it is done. Any thread may use it.

    It has one thread of its own, in which all calls are made. It is not for use after a fork.
    """

    def __init__(self, thread: LoopThread, client: AsyncClient) -> None:
        """Use `connect`."""
        self._thread = thread
        self._client = client
        self.stubs = client.stubs
        """The stubs of all services of the contract, for `call`."""
        self.vims = BlockingVimCalls(thread, client.vims)

    @classmethod
    @contextmanager
    def connect(
        cls,
        address: str | None = None,
        *,
        credentials: Credentials | None = None,
        profile: str | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
        environment: Mapping[str, str] = os.environ,
    ) -> Generator[Self]:
        """Open a client for the block: see AsyncClient.connect."""
        opening = AsyncClient.connect(
            address, credentials=credentials, profile=profile, timeout_s=timeout_s, environment=environment
        )
        with loop_thread(opening) as (thread, client):
            yield cls(thread, client)

    def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Answer],
        request: _Request,
        *,
        timeout_s: float | None = None,
    ) -> _Answer:
        """Make any call of the contract, such as `client.call(client.stubs.access.WhoAmI, WhoAmIRequest())`."""
        return self._thread.run(self._client.call(method, request, timeout_s=timeout_s))

    def who_am_i(self) -> WhoAmIResponse:
        """Return who the fleet thinks is calling, and what that may do."""
        return self._thread.run(self._client.who_am_i())
