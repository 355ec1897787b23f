"""Counts the calls of each method of a gRPC server, by how they ended and how long they took."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import grpc

from vimesh.runtime.histogram import CALL_SECONDS, Histogram

_Context = grpc.aio.ServicerContext[Any, Any]
_Unary = Callable[[bytes, _Context], Awaitable[Any]]
_Stream = Callable[[bytes, _Context], AsyncIterator[Any]]
_CODES: Final = {code.value[0]: code.name for code in grpc.StatusCode}
_OK: Final = "OK"
_CANCELLED: Final = "CANCELLED"


class RpcStatistics:
    __slots__ = ("codes", "seconds")

    def __init__(self) -> None:
        self.codes: Counter[str] = Counter()
        """The calls that have ended, by the name of their status code."""
        self.seconds = Histogram(CALL_SECONDS)
        """How long calls that are no streams took, from the moment gRPC handed them over."""


class CallStatistics:
    def __init__(self) -> None:
        self.by_method: dict[str, RpcStatistics] = {}
        """By the path of the method: those that were ever called, or are served."""

    def of(self, method: str) -> RpcStatistics:
        return self.by_method.setdefault(method, RpcStatistics())


def counted_unary(statistics: RpcStatistics, serve: _Unary) -> _Unary:
    codes, observe, clock = statistics.codes, statistics.seconds.observe, time.monotonic

    async def counted(data: bytes, context: _Context) -> Any:  # noqa: ANN401 - a message, or its bytes
        began_at, code = clock(), _CANCELLED
        served = serve(data, context)
        del data  # gRPC keeps the exception that ends a call, and thus this frame, until garbage collection
        try:
            answer = await served
            code = _OK
        except grpc.aio.AbortError:
            code = _code_of(context)
            raise
        finally:
            codes[code] += 1
            observe(clock() - began_at)
        return answer

    return counted


def counted_stream(statistics: RpcStatistics, serve: _Stream) -> _Stream:
    codes = statistics.codes

    async def counted(data: bytes, context: _Context) -> AsyncIterator[Any]:
        code = _CANCELLED
        responses = serve(data, context)
        del data
        try:
            async for response in responses:
                yield response
            code = _OK
        except grpc.aio.AbortError:
            code = _code_of(context)
            raise
        finally:
            codes[code] += 1

    return counted


def _code_of(context: _Context) -> str:
    code: Any = context.code()
    return _CODES.get(code, "UNKNOWN") if isinstance(code, int) else str(getattr(code, "name", "UNKNOWN"))
