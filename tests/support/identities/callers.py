"""Calls a secured front by gRPC and by HTTP, and says how each call ended in the same words."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import grpc
from google.rpc.error_details_pb2 import ErrorInfo
from grpc import aio
from grpc_status import rpc_status

LIMIT_S = 20.0
PASSED = "passed"
NOT_CONNECTED = "not connected"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


async def call(channel: aio.Channel, path: str, headers: Mapping[str, str]) -> str:
    """Make a call with one empty message, of any method; return how it ended."""
    method: aio.UnaryStreamMultiCallable[bytes, bytes] = channel.unary_stream(path)
    stream = method(b"", metadata=tuple(headers.items()), timeout=LIMIT_S)
    try:
        async for _ in stream:
            pass
    except aio.AioRpcError as error:
        return outcome_of(error)
    return PASSED


def outcome_of(error: aio.AioRpcError) -> str:
    """Return `CODE REASON`, or that there was no connection."""
    status = rpc_status.from_call(error)
    if status is None:
        unable = error.code() is grpc.StatusCode.UNAVAILABLE and "no conductor" not in str(error.details())
        return NOT_CONNECTED if unable else error.code().name
    assert (status.code, status.message) == (error.code().value[0], error.details())
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "vimesh.v1"
    return f"{error.code().name} {info.reason}"


async def ask_tls(
    address: str,
    request: tuple[str, str],
    context: ssl.SSLContext,
    headers: Mapping[str, str],
    body: str | None = None,
) -> HttpAnswer:
    """Send one request, a method and a path, over a connection of its own. Raises OSError."""
    return await asyncio.to_thread(_ask, address, request, context, headers, body)


def _ask(
    address: str, request: tuple[str, str], context: ssl.SSLContext, headers: Mapping[str, str], body: str | None
) -> HttpAnswer:
    connection = http.client.HTTPSConnection(address, timeout=LIMIT_S, context=context)
    try:
        connection.request(*request, body, dict(headers))
        response = connection.getresponse()
        return HttpAnswer(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
    finally:
        connection.close()


_CODES = {16: "UNAUTHENTICATED", 7: "PERMISSION_DENIED"}
_STATUSES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


def http_outcome(answer: HttpAnswer) -> str:
    """Return `CODE REASON` of a refusal, `CODE` if it is in Tacker's form, else the HTTP status."""
    if answer.status not in _STATUSES:
        return str(answer.status)
    assert answer.headers["content-type"] == "application/json"
    status = json.loads(answer.body)
    if answer.status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer ")
    if "TackerError" in status:
        assert status["TackerError"]["message"].startswith(f"HTTP {answer.status} ")
        return _STATUSES[answer.status]
    assert _CODES[status["code"]] == _STATUSES[answer.status]
    reasons = [detail["reason"] for detail in status["details"]] or [status["message"]]
    return f"{_CODES[status['code']]} {reasons[0]}"
