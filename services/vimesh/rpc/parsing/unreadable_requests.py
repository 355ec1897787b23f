"""Makes third-party services refuse requests that cannot be parsed.

If a deserializer raises, gRPC answers UNKNOWN with the name of a Python class. So these deserializers do not raise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from inspect import isasyncgenfunction
from typing import Any, Final, TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from vimesh.domain.errors import BadInput, Violation
from vimesh.wire.error_statuses import DETAILS_KEY, rich_status

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_M = TypeVar("_M", bound=Message)
_Context = Any  # of either kind of server

_CODE, _STATUS = rich_status(BadInput(Violation("", "not a serialized request")))
REFUSAL: Final = (_CODE, _STATUS.message, ((DETAILS_KEY, _STATUS.SerializeToString()),))
"""The code, message and trailers to abort with."""


def parse_or_none(parse: Callable[[bytes], _M]) -> Callable[[bytes], _M | None]:
    """Return a deserializer that returns None for bytes that are not a message."""

    def parse_leniently(data: bytes) -> _M | None:
        try:
            return parse(data)
        except DecodeError:
            return None

    return parse_leniently


def refuse_unreadable(handler: Any) -> _Handler:  # noqa: ANN401 - its attributes depend on its kind
    """Return the handler to add to a server, which refuses requests that cannot be parsed.

    In a stream of requests, one that cannot be parsed counts as an empty message.
    """
    parse, serialize = handler.request_deserializer, handler.response_serializer
    if handler.unary_unary:
        return grpc.unary_unary_rpc_method_handler(_unary(handler.unary_unary), parse_or_none(parse), serialize)
    if handler.unary_stream:
        return grpc.unary_stream_rpc_method_handler(_stream(handler.unary_stream), parse_or_none(parse), serialize)
    return grpc.stream_stream_rpc_method_handler(handler.stream_stream, _parse_or_empty(parse), serialize)


def _parse_or_empty(parse: Callable[[bytes], Message]) -> Callable[[bytes], Message]:
    parse_leniently = parse_or_none(parse)

    def lenient(data: bytes) -> Message:
        message = parse_leniently(data) or parse(b"")
        # A response that echoes its request must not be nested deeper than a client can parse.
        message.DiscardUnknownFields()
        return message

    return lenient


def _unary(serve: Any) -> Any:  # noqa: ANN401 - a handler of a library
    async def refused_or_served(request: Message | None, context: _Context) -> Any:  # noqa: ANN401 - what it answers
        if request is None:
            await context.abort(*REFUSAL)
        return await serve(request, context)

    return refused_or_served


def _stream(serve: Any) -> Any:  # noqa: ANN401 - a handler of a library, of either kind
    async def writing(request: Message | None, context: _Context) -> None:
        if request is None:
            await context.abort(*REFUSAL)
        await serve(request, context)

    async def yielding(request: Message | None, context: _Context) -> AsyncIterator[Any]:
        if request is None:
            await context.abort(*REFUSAL)
        async for response in serve(request, context):
            yield response

    return yielding if isasyncgenfunction(serve) else writing
