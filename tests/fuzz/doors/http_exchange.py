"""Sends one request on a connection of its own, and reads the answer."""

from __future__ import annotations

import socket
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from random import Random

from tests.fuzz.doors.http_requests import answer_is_due

_ANSWER_S = 20.0
_UNSURE_S = 0.2
"""How long to wait for an answer to input that may not be a request."""
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    """0: there was no answer."""
    content_type: str = ""
    body: bytes = b""


def exchange(address: str, request: bytes, random: Random) -> HttpAnswer:
    """Send a request; read its answer, or the head of a stream. Raises TimeoutError if an answer is due and missing."""
    host, _, port = address.rpartition(":")
    due = answer_is_due(request)
    # From many addresses: recently closed connections would use up the ports of one.
    source = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}"
    with socket.create_connection((host, int(port)), _ANSWER_S, (source, 0)) as connection:
        connection.settimeout(_ANSWER_S if due else _UNSURE_S)
        try:
            return _exchange(connection, request)
        except (OSError, HTTPException):
            if due:
                raise
            return HttpAnswer(0)


def _exchange(connection: socket.socket, request: bytes) -> HttpAnswer:
    # A request refused before its end may break the connection, and yet the answer can be read.
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(request)
    response = HTTPResponse(connection, method=request.split(b" ", 1)[0].decode("latin-1"))
    response.begin()
    content_type = response.headers.get("content-type", "")
    if response.status == 200 and b":watch" in request.split(b"\r\n", 1)[0]:
        return HttpAnswer(response.status, content_type)
    return HttpAnswer(response.status, content_type, response.read(_MOST_BYTES))
