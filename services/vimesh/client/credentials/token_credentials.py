"""Shows tokens that the calling program gets by itself, such as from an issuer or a key manager."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc

from vimesh.domain.errors import BadSetting
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_BYTES
from vimesh.files.read_files import read_whole

_EARLY_S: Final = 60.0
"""How long before its end another one is asked for, if it lasts for three times as long: the clocks of hosts differ."""


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token that is used until shortly before its end."""

    value: str = field(repr=False)
    expires_at: float
    """In seconds since 1970, UTC, as `time.time()` and the claim `exp` have it."""


TokenSource = Callable[[], "str | BearerToken | Awaitable[str | BearerToken]"]
"""A function, plain or asynchronous. A text is used for one call; a BearerToken until shortly before its end."""


class TokenCredentials:
    """Shows the token of a function to a front, always by TLS."""

    def __init__(
        self, token: TokenSource, ca: str | Path | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        """`ca`: file with the authorities of the front, PEM, which may be replaced; None: those of the system.

        A plain function is called in a thread of its own, so it may take its time. What it raises ends the call as
        UNAVAILABLE.
        """
        self._token = token
        self._ca = None if ca is None else Path(ca)
        self._clock = clock
        self._tokens: _Tokens | None = None
        self.refused_tokens = 0

    def version(self) -> object:
        if self._ca is None:
            return None
        try:
            found = self._ca.stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def read(self) -> _TokenAndTrust:
        """Raises BadSetting."""
        # The same token goes on when the file of authorities is replaced.
        if self._tokens is None or self._tokens.loop is not asyncio.get_running_loop():
            self._tokens = _Tokens(self._token, self._clock)
        return _TokenAndTrust(self._trusted(), self._tokens)

    def refuse_token(self) -> None:
        self.refused_tokens += 1
        if self._tokens is not None:
            self._tokens.forget()

    def _trusted(self) -> bytes | None:
        if self._ca is None:
            return None
        try:
            return read_whole(self._ca, 4 * MAX_SETTINGS_BYTES)
        except OSError as error:
            raise BadSetting(str(self._ca), f"cannot be read: {error.strerror}") from error
        except BadFile as error:
            raise BadSetting(str(self._ca), str(error)) from error


@dataclass(frozen=True, slots=True)
class _TokenAndTrust:
    trusted: bytes | None
    tokens: _Tokens

    def for_channel(self) -> grpc.ChannelCredentials:
        tls = grpc.ssl_channel_credentials(self.trusted)
        return grpc.composite_channel_credentials(tls, grpc.metadata_call_credentials(self.tokens, "vimesh-token"))


class _Tokens(grpc.AuthMetadataPlugin):
    """gRPC asks it in threads of its own; the function is called in the event loop, or in a thread if it is plain."""

    def __init__(self, source: TokenSource, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self.loop = asyncio.get_running_loop()
        self._one_at_a_time = asyncio.Lock()
        self._kept: BearerToken | None = None
        self._renew_at = 0.0

    def __call__(
        self,
        context: grpc.AuthMetadataContext,  # noqa: ARG002 - the token is the same for all calls
        callback: grpc.AuthMetadataPluginCallback,
    ) -> None:
        asked: Future[str] = asyncio.run_coroutine_threadsafe(self._value(), self.loop)
        asked.add_done_callback(lambda done: _answer(done, callback))

    def forget(self) -> None:
        """Ask for another token with the next call."""
        self._kept = None

    async def _value(self) -> str:
        async with self._one_at_a_time:
            if self._kept is not None and self._clock() < self._renew_at:
                return self._kept.value
            token = await self._ask()
            if isinstance(token, str):
                return token
            now = self._clock()
            self._kept = token
            self._renew_at = token.expires_at - min(_EARLY_S, (token.expires_at - now) / 3)
            return token.value

    async def _ask(self) -> str | BearerToken:
        if asyncio.iscoroutinefunction(self._source):
            answer: str | BearerToken = await self._source()
            return answer
        token = await asyncio.to_thread(self._source)
        return token if isinstance(token, str | BearerToken) else await token


def _answer(done: Future[str], callback: grpc.AuthMetadataPluginCallback) -> None:
    try:
        token = done.result()
    except BaseException as error:  # noqa: BLE001 - gRPC ends the call with it
        callback((), error if isinstance(error, Exception) else RuntimeError("the client was closed"))
        return
    callback((("authorization", f"Bearer {token}"),), None)
