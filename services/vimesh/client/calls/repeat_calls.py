"""Repeats calls that are safe to repeat."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from random import Random
from typing import TypeVar

import grpc

from vimesh.client.calls.retry_pace import RetryPace
from vimesh.client.calls.unreachable_front import nothing_listens, unresolvable
from vimesh.runtime.backoff import Backoff
from vimesh.wire.error_statuses import failure_of, retry_delay_s

_T = TypeVar("_T")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 2.0
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        # A stopping conductor aborted the call.
        grpc.StatusCode.CANCELLED,
    }
)
NOT_PASSING = frozenset({"QUOTA_EXCEEDED", "TOO_MANY_RECEIVERS", "TOO_MANY_WINDOWS"})
"""Reasons for which waiting does not help, although their status says so."""


class Retrying:
    """Repeats calls within limits of attempts and time."""

    def __init__(  # noqa: PLR0913 - most of them are limits
        self,
        random: Random,
        *,
        attempts: int | None = None,
        give_up_s: float = float("inf"),
        pace: RetryPace | None = None,
        stopped: Callable[[], bool] = lambda: False,
        waiting: Callable[[grpc.aio.AioRpcError | None], None] = lambda _: None,
    ) -> None:
        """Make a call up to `attempts` times, until it has failed for `give_up_s` seconds, or until `stopped()`.

        `pace`: None if nothing bounds how often calls are repeated. `waiting` is called with the error before each
        retry, and with None when a call is answered.
        """
        self._random = random
        self._attempts = attempts
        self._give_up_s = give_up_s
        self._pace = pace
        self._stopped = stopped
        self._waiting = waiting
        self.has_answered = False
        """Whether any call was ever answered. Before that, the address may be wrong."""

    async def repeated(self, call: Callable[[], Awaitable[_T]], *, ends_at: float = float("inf")) -> _T:
        """Make the call and retry it. Raises the AioRpcError of the last attempt, or of one that retries cannot fix.

        `ends_at`: when the last attempt may begin, by `time.monotonic()`.
        """
        pauses = Backoff(first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S, random=self._random)
        attempt = 0
        deadline: float | None = None
        while True:
            attempt += 1
            try:
                answer = await call()
            except grpc.aio.AioRpcError as error:
                deadline = deadline or time.monotonic() + self._give_up_s
                if attempt == self._attempts or time.monotonic() >= deadline or not self._may_pass(error):
                    raise
                pause_s = max(pauses.pause_s(), retry_delay_s(error), self._wait_s())
                if time.monotonic() + pause_s >= ends_at:
                    raise
                if self._pace is not None:
                    self._pace.note_retry()
                self._waiting(error)
                await asyncio.sleep(pause_s)
                if self._stopped():
                    raise
            else:
                self.has_answered = True
                self._waiting(None)
                return answer

    def _wait_s(self) -> float:
        return 0.0 if self._pace is None else self._pace.wait_s()

    def _may_pass(self, error: grpc.aio.AioRpcError) -> bool:
        words = error.details() or ""
        if self._attempts is None and not self.has_answered and (nothing_listens(words) or unresolvable(words)):
            # No call was ever answered, so the address is probably wrong.
            return False
        return is_passing(error)


def is_passing(error: grpc.aio.AioRpcError) -> bool:
    """Return whether the same call may succeed later."""
    reason = failure_of(error).reason
    if error.code() is grpc.StatusCode.INTERNAL:
        # Without a reason, the connection broke in the middle; with one, it is a defect, which retrying does not fix.
        return not reason
    return error.code() in _PASSING and reason not in NOT_PASSING
