"""A client for programs with asyncio."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import SystemRandom
from typing import Final, Self, TypeAlias, TypeVar

import grpc
import structlog
from google.protobuf.message import Message

from vimesh.client.calls.front_calls import FrontCalls
from vimesh.client.calls.front_stubs import Front, connected
from vimesh.client.credentials.front_access import access_from_environment
from vimesh.client.credentials.token_credentials import TokenCredentials
from vimesh.client.vim_calls import VimCalls
from vimesh.v1.access_service_pb2 import WhoAmIRequest, WhoAmIResponse

_Request = TypeVar("_Request", bound=Message)
_Answer = TypeVar("_Answer", bound=Message)

CALL_TIMEOUT_S: Final = 10.0

Credentials: TypeAlias = "str | os.PathLike[str] | TokenCredentials"
"""A folder with tls.crt and tls.key, ca.crt, token, each of which may be missing or be replaced; or a token source."""

_log = structlog.get_logger()


class AsyncClient:
    """Calls a fleet through its front. It belongs to the event loop in which it was made.

    Each call has one time limit for all its attempts. It is repeated if the contract says that this is safe, and not
    before the fleet asks to. Messages are those of the contract, `vimesh.v1`.
    """

    def __init__(self, front: Front, calls: FrontCalls) -> None:
        """Use `connect`."""
        self._calls = calls
        self.stubs = front
        """The stubs of all services of the contract, for `call`."""
        self.vims = VimCalls(front)

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        address: str | None = None,
        *,
        credentials: Credentials | None = None,
        profile: str | None = None,
        timeout_s: float = CALL_TIMEOUT_S,
        environment: Mapping[str, str] = os.environ,
    ) -> AsyncGenerator[Self]:
        """Open a client for the block. No call is made before the first one.

        Args:
            address: `host:port` of the front, or `unix:` and a path; None: VIMESH_ADDRESS, or that of the profile, or
                127.0.0.1:7600.
            credentials: What to show; None: VIMESH_CREDENTIALS, or that of the profile if the address is its own. If
                there is none, TLS is not used.
            profile: Name of a profile of `vimesh profile`; None: VIMESH_PROFILE, or the current one, if any.
            timeout_s: Time limit of a call with all its attempts.

        Raises BadSetting if one of these cannot be used, LoginFailed if the profile needs a login.
        """
        folder = None if credentials is None or isinstance(credentials, TokenCredentials) else os.fspath(credentials)
        access = access_from_environment(environment, address=address, credentials=folder, profile=profile)
        shown: Path | TokenCredentials | None = access.credentials
        if isinstance(credentials, TokenCredentials):
            shown = credentials
        calls = FrontCalls(timeout_s, SystemRandom())
        async with connected(access.address, timeout_s, shown, warn=_warn, calls=calls) as front:
            yield cls(front, calls)

    async def call(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Answer],
        request: _Request,
        *,
        timeout_s: float | None = None,
    ) -> _Answer:
        """Make any call of the contract, such as `client.call(client.stubs.access.WhoAmI, WhoAmIRequest())`.

        Give a request its `request_id`, if it has one: only then it is repeated. Raises CallError.
        """
        return await self._calls.ask(method, request, timeout_s)

    async def who_am_i(self) -> WhoAmIResponse:
        """Return who the fleet thinks is calling, and what that may do."""
        return await self.call(self.stubs.access.WhoAmI, WhoAmIRequest())


def _warn(text: str) -> None:
    _log.warning(text)
