"""Gives handlers of single calls a span."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from vimesh.tracing.current_request import call_metadata, current_request_id
from vimesh.tracing.spans import Tracer, entered, sampled_traceparent

_Context = grpc.aio.ServicerContext[Any, Any]
_Unary = Callable[[Any, _Context], Awaitable[Any]]


def traced_unary(tracer: Tracer, method: str, serve: _Unary) -> _Unary:
    """Return the handler with a span for each call, all of which must be of callers who are traced."""
    name = method.removeprefix("/")

    async def traced(request: Any, context: _Context) -> Any:  # noqa: ANN401 - whatever the handler is given
        traceparent = sampled_traceparent(call_metadata())
        with entered(tracer.join(traceparent, name, current_request_id())):
            return await serve(request, context)

    return traced
