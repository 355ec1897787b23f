"""Puts handlers behind a gate: a refused call is neither parsed nor started.

Calls that were cancelled before they get here need no handling, because gRPC does not deliver them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial
from typing import Any, NoReturn, TypeAlias

import grpc
from google.rpc import status_pb2

from vimesh.domain.errors import VimeshError
from vimesh.rpc.admission.call_gate import CallAdmission, CallGate, StreamGate
from vimesh.rpc.parsing.unreadable_requests import refuse_unreadable
from vimesh.runtime.background import beside
from vimesh.tracing.current_request import enter_call
from vimesh.wire.error_statuses import DETAILS_KEY, rich_status

_Context = grpc.aio.ServicerContext[Any, Any]
_Unary = Callable[[bytes, _Context], Awaitable[Any]]
_Stream = Callable[[Any, _Context], AsyncIterator[Any]]
_Writer = Callable[[Any, _Context], Coroutine[object, object, None]]
"""Writes its responses itself, instead of yielding them."""
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


def admitted_unary(gate: CallGate, serve: _Unary) -> _Unary:
    async def admitted(data: bytes, context: _Context) -> Any:  # noqa: ANN401 - a message, or its bytes
        request_bytes = len(data)
        if not gate.enter(request_bytes):
            del data
            return await gate.refuse(context)
        served = serve(data, context)
        del data  # gRPC keeps the exception that ends a call, and thus this frame, until garbage collection
        try:
            return await served
        finally:
            gate.leave(request_bytes)

    return admitted


def admitted_stream(gate: StreamGate, serve: _Stream) -> _Stream:
    async def admitted(request: Any, context: _Context) -> AsyncIterator[Any]:  # noqa: ANN401 - whatever the handler is given
        if not gate.enter(context):
            del request
            await gate.refuse(context)
        responses = serve(request, context)
        del request
        async for response in responses:
            yield response

    return admitted


def _admitted_writer(gate: StreamGate, serve: _Writer, ending: asyncio.Event) -> _Writer:
    """`ending`: ends its streams, which only their callers would end."""

    async def admitted(request: Any, context: _Context) -> None:  # noqa: ANN401 - whatever the handler is given
        if not gate.enter(context):
            del request
            await gate.refuse(context)
        serving = asyncio.ensure_future(serve(request, context))
        try:
            async with beside(_cancel_at(ending, serving)):
                await asyncio.wait([serving])
        finally:
            serving.cancel()
            await asyncio.wait([serving])
        if not serving.cancelled():
            serving.result()  # raises what it has raised, unwrapped: gRPC tells an abort by its type

    return admitted


async def _cancel_at(moment: asyncio.Event, task: asyncio.Future[None]) -> None:
    await moment.wait()
    task.cancel()


def _authorized_stream(authorize: Callable[[_Context], None], serve: _Stream) -> _Stream:
    async def authorized(request: Any, context: _Context) -> AsyncIterator[Any]:  # noqa: ANN401 - whatever the handler is given
        refusal = _refusal(authorize, context)
        if refusal is not None:
            await _refuse(context, *refusal)
        async for response in serve(request, context):
            yield response

    return authorized


def _refusal(
    authorize: Callable[[_Context], None], context: _Context
) -> tuple[grpc.StatusCode, status_pb2.Status] | None:
    try:
        authorize(context)
    except VimeshError as error:
        return rich_status(error)
    return None


async def _refuse(context: _Context, code: grpc.StatusCode, status: status_pb2.Status) -> NoReturn:
    await context.abort(code, status.message, ((DETAILS_KEY, status.SerializeToString()),))


class AdmittedStreams:
    """The server to add third-party services to: their streams need admission, their unary calls do not.

    Requests that cannot be parsed are refused with vimesh's own status, not with the library's.
    """

    def __init__(
        self, server: grpc.aio.Server, admission: CallAdmission, authorize: Callable[[str, _Context], None]
    ) -> None:
        """`authorize` raises IdentityRequired or PermissionDenied for a caller that may not use reflection.

        Health is for everybody: it says nothing of VIMs.
        """
        self._server = server
        self._admission = admission
        self._authorize = authorize
        self._ending = asyncio.Event()

    def end_streams(self) -> None:
        """End watches of health, now and from now on: they would last for as long as the server may take to stop."""
        self._ending.set()

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        self._server.add_generic_rpc_handlers([_Generic(handler, self._admitted) for handler in handlers])

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, _Handler]) -> None:
        """Leave them to the generic handlers, as GuardedServer does."""

    def _admitted(self, path: str, plain: Any) -> _Handler:  # noqa: ANN401 - its attributes depend on its kind
        handler: Any = refuse_unreadable(plain)
        codec = (handler.request_deserializer, handler.response_serializer)
        name = path.rpartition("/")[2]
        if handler.unary_stream:
            gate = self._admission.stream_gate(name)
            return grpc.unary_stream_rpc_method_handler(
                _admitted_writer(gate, handler.unary_stream, self._ending), *codec
            )
        if handler.stream_stream:
            gate = self._admission.stream_gate(name)
            serve = _authorized_stream(partial(self._authorize, path), handler.stream_stream)
            return grpc.stream_stream_rpc_method_handler(admitted_stream(gate, serve), *codec)
        return handler  # type: ignore[no-any-return]  # one of gRPC's


class _Generic(grpc.GenericRpcHandler):
    def __init__(self, plain: grpc.GenericRpcHandler, admit: Callable[[str, Any], _Handler]) -> None:
        self._plain = plain
        self._admit = admit
        self._handlers: dict[str, _Handler] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Handler | None:
        method = handler_call_details.method
        handler = self._handlers.get(method)
        if handler is None and (plain := self._plain.service(handler_call_details)) is not None:
            handler = self._handlers[method] = self._admit(method, plain)
        if handler is not None:
            enter_call(handler_call_details.invocation_metadata)
        return handler
