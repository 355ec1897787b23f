"""Gives handlers of single calls a span if their caller is traced."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from vimesh.rpc.rpc_table import REPORT_PATHS
from vimesh.tracing.current_request import current_request_id
from vimesh.tracing.spans import Tracer, entered, sampled_traceparent

_Context = grpc.aio.ServicerContext[Any, Any]
_Unary = Callable[[Any, _Context], Awaitable[Any]]


def traced_unary(tracer: Tracer | None, method: str, serve: _Unary) -> _Unary:
    """Return the handler with spans; without a tracer, and for reports, the handler itself.

    To look for the header takes several microseconds, which reports, of which there are thousands a second, do not pay.
    """
    if tracer is None or method in REPORT_PATHS:
        return serve
    name = method.removeprefix("/")

    async def traced(request: Any, context: _Context) -> Any:  # noqa: ANN401 - whatever the handler is given
        traceparent = sampled_traceparent(context.invocation_metadata() or ())
        if not traceparent:
            return await serve(request, context)
        with entered(tracer.join(traceparent, name, current_request_id())):
            return await serve(request, context)

    return traced
