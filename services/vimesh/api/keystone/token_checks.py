"""Checks tokens: from memory, or by Keystone in a few threads. No caller waits for longer than a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from vimesh.api.keystone.token_cache import TokenCache
from vimesh.api.keystone.token_claims import KeystoneUnavailable, TokenClaims
from vimesh.runtime.daemon_threads import DaemonThreads
from vimesh.runtime.outage_log import OutageLog

ANSWER_WITHIN_S: Final = 20.0
"""How long a caller waits at most, also for a thread that is free."""
THREADS: Final = 8
_PAUSE_S: Final = 1.0
"""How long Keystone is not asked after it did not answer."""
_MAX_TOKEN: Final = 16 * 1024

Ask = Callable[[str], TokenClaims | None]
"""Blocks. Raises KeystoneUnavailable."""


class TokenChecks:
    def __init__(
        self,
        ask: Ask,
        threads: DaemonThreads,
        clock: Callable[[], float] = time.monotonic,
        *,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._ask = ask
        self._answer_within_s = answer_within_s
        self._threads = threads
        self._clock = clock
        self._cache = TokenCache(clock)
        self._outages = OutageLog("Keystone", "validation of tokens", meanwhile="callers of Tacker's REST are refused")
        self._pause_until = float("-inf")

    async def check(self, token: str) -> TokenClaims | None:
        """Return the claims of a token; None if it is not valid. Raises KeystoneUnavailable."""
        if not (token.isascii() and token.isprintable() and " " not in token and 0 < len(token) <= _MAX_TOKEN):
            return None
        is_known, claims = self._cache.find(token)
        if is_known:
            return claims
        if self._clock() < self._pause_until:
            raise KeystoneUnavailable("did not answer a moment ago")
        try:
            async with asyncio.timeout(self._answer_within_s):
                claims = await self._in_thread(token)
        except (KeystoneUnavailable, TimeoutError) as error:
            why = str(error) or f"does not answer within {self._answer_within_s:g} s"
            self._pause_until = self._clock() + _PAUSE_S
            self._outages.note_failure(why)
            raise KeystoneUnavailable(why) from None
        self._outages.note_success()
        self._cache.keep(token, claims, float("inf") if claims is None else claims.expires_at - time.time())
        return claims

    async def _in_thread(self, token: str) -> TokenClaims | None:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[TokenClaims | None] = loop.create_future()

        def settle(claims: TokenClaims | None, error: Exception | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(claims)
            else:
                answer.set_exception(error)

        def ask() -> None:
            if answer.cancelled():
                return  # its caller has left while the threads were busy
            claims, failure = None, None
            try:
                claims = self._ask(token)
            except Exception as error:  # noqa: BLE001 - the caller gets it
                failure = error
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, claims, failure)

        self._threads.submit(ask)
        return await answer
