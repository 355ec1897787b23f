"""Wraps the handlers of our services at the one edge where requests are checked and errors become statuses."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, TypeAlias, TypeVar

import grpc
import structlog
from google.protobuf.message import Message
from google.rpc import status_pb2

from vimesh.domain.errors import Overloaded, StoreUnavailable, VimeshError
from vimesh.domain.probes.probe_errors import MonitorSilent
from vimesh.rpc.admission.call_gate import CallAdmission
from vimesh.rpc.admission.gated_handlers import admitted_stream, admitted_unary
from vimesh.rpc.admission.overload_answers import NO_RETRY
from vimesh.rpc.call_entrance import CallEntrance
from vimesh.rpc.call_statistics import CallStatistics, counted_stream, counted_unary
from vimesh.rpc.parsing.request_parser import parser_of
from vimesh.rpc.traced_handlers import traced_unary
from vimesh.tracing.current_request import enter_call
from vimesh.tracing.spans import Tracer, sampled_traceparent
from vimesh.watchdog.calls import Calls
from vimesh.wire.error_statuses import DETAILS_KEY, internal_status, rich_status
from vimesh.wire.message_rules import Rules

_log = structlog.get_logger()

# All conductors share the database, and the monitors: a retry at another one would only add load.
_SAME_EVERYWHERE = (StoreUnavailable, Overloaded, MonitorSilent)

_T = TypeVar("_T")
_Context = grpc.aio.ServicerContext[Any, Any]
_Parse = Callable[[bytes], Any]
_Unary = Callable[[Any, _Context], Awaitable[Any]]
_Stream = Callable[[Any, _Context], AsyncIterator[Message]]
_GuardedUnary = Callable[[bytes, _Context], Awaitable[Any]]
_GuardedStream = Callable[[Any, _Context], AsyncIterator[Message]]
"""Takes the bytes of a request, or a stream of such."""
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Guard: TypeAlias = "Callable[[str, Any, Tracer | None], _Handler]"
_Failure = tuple[grpc.StatusCode, status_pb2.Status, bool]
"""The code and the status to abort with, and whether every other conductor would answer the same."""


class GuardedServer:
    """The server to add our own services to: each of their handlers is wrapped once.

    An interceptor would wrap them again for each call, at a tenth of the cost of a call.
    """

    def __init__(  # noqa: PLR0913 - all collaborators are passed in here
        self,
        server: grpc.aio.Server,
        rules: Rules,
        *,
        unchecked: Sequence[str] = (),
        serialized: Sequence[str] = (),
        serialized_responses: Sequence[str] = (),
        calls: Calls | None = None,
        admission: CallAdmission | None = None,
        entrance: CallEntrance | None = None,
        statistics: CallStatistics | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """Leave checking `unchecked` methods, and parsing, checking and serializing `serialized` ones, to the servicer.

        For the `serialized_responses` methods, the servicer only serializes the responses.
        """
        self._server = server
        self._rules = rules
        self._unchecked = frozenset((*unchecked, *serialized))
        self._serialized = frozenset(serialized)
        self._serialized_responses = frozenset((*serialized_responses, *serialized))
        self._calls = calls or Calls()
        self._admission = admission or CallAdmission()
        self._entrance = entrance or CallEntrance()
        self._statistics = statistics or CallStatistics()
        self._tracer = tracer
        self._handlers: dict[str, tuple[Any, _Handler]] = {}

    def add_generic_rpc_handlers(self, handlers: Iterable[grpc.GenericRpcHandler]) -> None:
        guarded = [_Guarded(plain, self._guard_handler, self._tracer, self._handlers) for plain in handlers]
        self._server.add_generic_rpc_handlers(guarded)

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, _Handler]) -> None:
        """Leave them to the generic handlers, and only count their calls from the start.

        gRPC waits for the next call of each registered method by a future of its own, and goes through all of them for
        every call, so that each RPC that is added would make all others dearer. It also tells only generic handlers
        whether a call is traced before it is served.
        """
        for name in handlers:
            self._statistics.of(f"/{service}/{name}")

    def _guard_handler(self, method: str, handler: Any, tracer: Tracer | None) -> _Handler:  # noqa: ANN401 - its attributes depend on its kind
        parse_checked = self._parser_for(method)
        serializer = None if _name(method) in self._serialized_responses else handler.response_serializer
        # No deserializers: a request that gRPC itself fails to parse ends with UNKNOWN and the name of a Python class.
        if handler.response_streaming:
            # Each request of a stream is parsed when the servicer takes it.
            parse = partial(_parsed_one_by_one, parse_checked) if handler.request_streaming else parse_checked
            serve = handler.stream_stream if handler.request_streaming else handler.unary_stream
            stream_gate = self._admission.stream_gate(_name(method))
            streamed = admitted_stream(stream_gate, self._guard_stream(method, parse, serve))
            counted = counted_stream(self._statistics.of(method), streamed)
            if handler.request_streaming:
                return grpc.stream_stream_rpc_method_handler(counted, None, serializer)
            return grpc.unary_stream_rpc_method_handler(counted, None, serializer)
        call_gate = self._admission.call_gate(_name(method))
        served = admitted_unary(call_gate, self._guard_unary(method, parse_checked, handler.unary_unary, tracer))
        return grpc.unary_unary_rpc_method_handler(counted_unary(self._statistics.of(method), served), None, serializer)

    def _parser_for(self, method: str) -> _Parse:
        """Return the function that turns the bytes of a request into the handler's argument; it may raise BadInput."""
        if _name(method) in self._serialized:
            return _unparsed
        parse = parser_of(method).parse
        if _name(method) in self._unchecked:
            return parse

        def parse_checked(data: bytes) -> Message:
            request = parse(data)
            self._rules.check(request)
            return request

        return parse_checked

    def _guard_unary(self, method: str, parse_checked: _Parse, serve: _Unary, tracer: Tracer | None) -> _GuardedUnary:
        if self._entrance.concerns(method):
            serve, parse_checked = self._entrance.unary(method, _after_parsing(parse_checked, serve)), _unparsed
        if tracer is not None:
            serve = traced_unary(tracer, method, serve)

        async def guarded(data: bytes, context: _Context) -> Any:  # noqa: ANN401 - a message, or its bytes
            number = self._calls.begin(method)
            try:
                return await serve(parse_checked(data), context)
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - the edge is where faults stop
                failure = _failure(method, error)
            finally:
                self._calls.end(number)
            del data  # see _abort
            return await _abort(context, failure)

        return guarded

    def _guard_stream(self, method: str, parse_checked: Callable[[Any], Any], serve: _Stream) -> _GuardedStream:
        if self._entrance.concerns(method):
            serve, parse_checked = self._entrance.stream(method, _after_parsing(parse_checked, serve)), _unparsed

        async def guarded(data: Any, context: _Context) -> AsyncIterator[Message]:  # noqa: ANN401 - see _GuardedStream
            number = self._calls.begin(method)
            try:
                async for response in serve(parse_checked(data), context):
                    # A stream may stay open for long, and does most of its work before its first response.
                    self._calls.end(number)
                    yield response
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - the edge is where faults stop
                failure = _failure(method, error)
            else:
                return
            finally:
                self._calls.end(number)
            del data  # see _abort
            await _abort(context, failure)

        return guarded


def _after_parsing(parse_checked: _Parse, serve: Callable[[Any, _Context], _T]) -> Callable[[bytes, _Context], _T]:
    """Return the handler with its parser in front: nothing is parsed for a caller who is not let in."""
    return lambda data, context: serve(parse_checked(data), context)


def _unparsed(data: bytes) -> bytes:
    return data


async def _parsed_one_by_one(parse: _Parse, stream: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for data in stream:
        yield parse(data)


def _name(method: str) -> str:
    return method.rpartition("/")[2]


class _Guarded(grpc.GenericRpcHandler):
    """The handlers of one service, each wrapped on first use, and again for each call that is traced."""

    def __init__(
        self,
        plain: grpc.GenericRpcHandler,
        guard: _Guard,
        tracer: Tracer | None,
        handlers: dict[str, tuple[Any, _Handler]],
    ) -> None:
        """`handlers`: those of all services, as they are and wrapped. gRPC asks the services one after the other."""
        self._plain = plain
        self._guard = guard
        self._tracer = tracer
        self._handlers = handlers

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> _Handler | None:
        method, metadata = handler_call_details.method, handler_call_details.invocation_metadata
        if (handlers := self._handlers.get(method)) is None:
            if (plain := self._plain.service(handler_call_details)) is None:
                return None
            handlers = self._handlers[method] = plain, self._guard(method, plain, None)
        enter_call(metadata)
        plain, handler = handlers
        if self._tracer is None or not sampled_traceparent(metadata):
            return handler
        return self._guard(method, plain, self._tracer)


def _failure(method: str, error: Exception) -> _Failure:
    """Return the status for an exception from a handler, and clear its traceback. Call this in the except block."""
    failure = _expected_failure(method, error) if isinstance(error, VimeshError) else _defect_failure(method)
    _drop_frames(error)
    return failure


def _drop_frames(error: BaseException | None) -> None:
    """Clear the tracebacks of an error and its context, once it has been answered and logged if necessary.

    A failed future is a local variable of a frame in its error's traceback: a cycle, which keeps the request alive.
    """
    while error is not None:
        error.__traceback__ = None
        error = error.__context__


def _expected_failure(method: str, error: VimeshError) -> _Failure:
    if error.__cause__ is not None:
        # The cause may contain file names or SQL: it belongs in the log, never in the answer.
        _log.warning("call failed", method=method, error=str(error), cause=repr(error.__cause__))
    code, status = rich_status(error)
    return code, status, isinstance(error, _SAME_EVERYWHERE)


def _defect_failure(method: str) -> _Failure:
    error_id = uuid.uuid4().hex[:12]
    _log.exception("defect", method=method, error_id=error_id)
    code, status = internal_status(error_id)
    return code, status, False


async def _abort(context: _Context, failure: _Failure) -> NoReturn:
    """End the call with a status. Call this outside exception handlers, from a frame that holds no request.

    gRPC keeps the exception that `abort` raises with the call, and its traceback refers to the call again: a cycle,
    which keeps the frames of the traceback, and any exception being handled, alive until garbage collection.
    """
    code, status, same_everywhere = failure
    trailers = [(DETAILS_KEY, status.SerializeToString())]
    if same_everywhere:
        trailers.append(NO_RETRY)
    await context.abort(code, status.message, tuple(trailers))
