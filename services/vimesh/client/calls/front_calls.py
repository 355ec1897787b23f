"""Makes calls as the contract allows: within one time limit for all attempts, and again where that is safe."""

from __future__ import annotations

import time
from random import Random
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from vimesh.client.calls.refused_tokens import with_renewed_token
from vimesh.client.calls.repeat_calls import Retrying
from vimesh.client.calls.repeat_rules import may_be_repeated
from vimesh.client.calls.retry_pace import RetryPace
from vimesh.client.client_errors import call_error

_Request = TypeVar("_Request", bound=Message)
_Answer = TypeVar("_Answer", bound=Message)

_LEAST_S = 0.001


class FrontCalls:
    """What makes the calls of one client."""

    def __init__(self, timeout_s: float, random: Random) -> None:
        """`timeout_s`: the limit of a call with all its attempts, unless it has one of its own."""
        self._timeout_s = timeout_s
        self.retrying = Retrying(random, pace=RetryPace())

    async def ask(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Answer],
        request: _Request,
        timeout_s: float | None = None,
    ) -> _Answer:
        """Return the answer. Raises CallError, whose `attempts` says how often the call was made.

        A call that may be repeated is made again when nobody knows what became of it, and not before the fleet asks.
        """
        ends_at = time.monotonic() + (self._timeout_s if timeout_s is None else timeout_s)
        attempts = 0

        async def call() -> _Answer:
            return await method(request, timeout=max(ends_at - time.monotonic(), _LEAST_S))

        async def attempt() -> _Answer:
            nonlocal attempts
            attempts += 1
            # A call that was refused for its token has done nothing, and does not count.
            return await with_renewed_token(method, call)

        try:
            if may_be_repeated(request):
                return await self.retrying.repeated(attempt, ends_at=ends_at)
            answer = await attempt()
        except grpc.aio.AioRpcError as error:
            failed = call_error(error)
            failed.attempts = attempts
            raise failed from None
        self.retrying.has_answered = True
        return answer
