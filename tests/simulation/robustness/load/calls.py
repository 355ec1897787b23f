"""Makes calls, and writes their outcomes to the history."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

import grpc

from tests.simulation.robustness.history import History, now
from vimesh.wire.error_statuses import failure_of

T = TypeVar("T")

CALL_S = 15.0
OK = "OK"


def code_of(error: grpc.aio.AioRpcError) -> str:
    """Return the status code, and the reason if the answer has one: `UNAVAILABLE/STORE_UNAVAILABLE`."""
    failure = failure_of(error)
    return f"{failure.code.name}/{failure.reason}" if failure.reason else failure.code.name


class Calls:
    """Makes calls and records each of them: how long it took, and how it ended."""

    def __init__(self, history: History, who: str) -> None:
        self._history = history
        self._who = who

    async def make(self, name: str, call: Awaitable[T]) -> tuple[T | None, str]:
        """Return the answer, or None and the reason that there is none."""
        began = now()
        try:
            answer, code = await call, OK
        except grpc.aio.AioRpcError as error:
            answer, code = None, code_of(error)
        self._history.note("call", who=self._who, call=name, began=round(began, 4), code=code)
        return answer, code
