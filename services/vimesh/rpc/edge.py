"""The one edge where requests are checked and errors become statuses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn, cast

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc import status_pb2

from vimesh.domain.errors import VimeshError
from vimesh.rpc.status import DETAILS_KEY, internal_status, rich_status
from vimesh.rpc.validation import Rules

_log = structlog.get_logger()

NO_RETRY = ("x-envoy-ratelimited", "true")
"""Keeps Envoy from repeating the call at another conductor."""
# The database is the same for all conductors: asking the next one only adds to its trouble.
_SAME_EVERYWHERE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)

_Context = grpc.aio.ServicerContext[Any, Any]
_Unary = Callable[[Message, _Context], Awaitable[Message]]
_Stream = Callable[[Message, _Context], AsyncIterator[Message]]


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
            except VimeshError as error:
                await _abort(context, *_expected(method, error))
            except grpc.aio.AbortError:
                raise
            except Exception:  # noqa: BLE001 - the edge is where faults stop
                await _abort(context, *_defect(method))

        return guarded

    def _guarded_stream(self, method: str, serve: _Stream) -> _Stream:
        async def guarded(request: Message, context: _Context) -> AsyncIterator[Message]:
            try:
                self._rules.check(request)
                async for response in serve(request, context):
                    yield response
            except VimeshError as error:
                await _abort(context, *_expected(method, error))
            except grpc.aio.AbortError:
                raise
            except Exception:  # noqa: BLE001 - the edge is where faults stop
                await _abort(context, *_defect(method))

        return guarded


def _expected(method: str, error: VimeshError) -> tuple[grpc.StatusCode, status_pb2.Status]:
    if error.__cause__ is not None:
        # The cause may hold file names or SQL: it belongs into the log, never into the answer.
        _log.warning("call failed", method=method, error=str(error), cause=repr(error.__cause__))
    return rich_status(error)


def _defect(method: str) -> tuple[grpc.StatusCode, status_pb2.Status]:
    error_id = uuid.uuid4().hex[:12]
    _log.exception("defect", method=method, error_id=error_id)
    return internal_status(error_id)


async def _abort(context: _Context, code: grpc.StatusCode, status: status_pb2.Status) -> NoReturn:
    trailers = [(DETAILS_KEY, status.SerializeToString())]
    if code in _SAME_EVERYWHERE:
        trailers.append(NO_RETRY)
    await context.abort(code, status.message, tuple(trailers))
