"""The one edge where requests are checked and errors become statuses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn, cast

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc import status_pb2

from vimesh.domain.errors import Overloaded, StoreUnavailable, VimeshError
from vimesh.rpc.status import DETAILS_KEY, internal_status, rich_status
from vimesh.rpc.validation import Rules

_log = structlog.get_logger()

NO_RETRY = ("x-envoy-ratelimited", "true")
"""Keeps Envoy from repeating the call at another conductor."""
# The database is the same for all conductors: asking the next one only adds to its trouble.
_SAME_EVERYWHERE = (StoreUnavailable, Overloaded)

_Context = grpc.aio.ServicerContext[Any, Any]
_Unary = Callable[[Message, _Context], Awaitable[Message]]
_Stream = Callable[[Message, _Context], AsyncIterator[Message]]
_Failure = tuple[grpc.StatusCode, status_pb2.Status, bool]
"""What to abort with, and whether every other conductor would say the same."""


class Edge(grpc.aio.ServerInterceptor):
    """Wraps every handler of our own services; health and reflection pass through."""

    def __init__(self, package: str, rules: Rules) -> None:
        self._prefix = f"/{package}."
        self._rules = rules

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler: Any = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or not method.startswith(self._prefix):
            return cast("grpc.RpcMethodHandler[Any, Any] | None", handler)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(
                self._guarded_stream(method, handler.unary_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._guarded_unary(method, handler.unary_unary),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _guarded_unary(self, method: str, serve: _Unary) -> _Unary:
        async def guarded(request: Message, context: _Context) -> Message:
            try:
                self._rules.check(request)
                return await serve(request, context)
            except Exception as error:  # noqa: BLE001 - the edge is where faults stop
                await _refuse(method, context, error)

        return guarded

    def _guarded_stream(self, method: str, serve: _Stream) -> _Stream:
        async def guarded(request: Message, context: _Context) -> AsyncIterator[Message]:
            try:
                self._rules.check(request)
                async for response in serve(request, context):
                    yield response
            except Exception as error:  # noqa: BLE001 - the edge is where faults stop
                await _refuse(method, context, error)

        return guarded


async def _refuse(method: str, context: _Context, error: Exception) -> NoReturn:
    """End the call with the status of what its handler raised. To be called where that is caught."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    await _abort(context, *(_expected(method, error) if isinstance(error, VimeshError) else _defect(method)))


def _expected(method: str, error: VimeshError) -> _Failure:
    if error.__cause__ is not None:
        # The cause may hold file names or SQL: it belongs into the log, never into the answer.
        _log.warning("call failed", method=method, error=str(error), cause=repr(error.__cause__))
    code, status = rich_status(error)
    return code, status, isinstance(error, _SAME_EVERYWHERE)


def _defect(method: str) -> _Failure:
    error_id = uuid.uuid4().hex[:12]
    _log.exception("defect", method=method, error_id=error_id)
    code, status = internal_status(error_id)
    return code, status, False


async def _abort(
    context: _Context, code: grpc.StatusCode, status: status_pb2.Status, same_everywhere: bool
) -> NoReturn:
    trailers = [(DETAILS_KEY, status.SerializeToString())]
    if same_everywhere:
        trailers.append(NO_RETRY)
    await context.abort(code, status.message, tuple(trailers))
