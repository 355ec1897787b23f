"""Reads an HTTP answer piece by piece, as a connection does."""

from __future__ import annotations

import itertools

from vimesh.monitor.probes.http.http_response import Answer
from vimesh.monitor.probes.http.status_line import NotHttp

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = OK + b"Content-Length: 0\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"
WHOLE, WITHOUT_END, UNFINISHED, NOT_HTTP = (
    (200, True, False),
    (200, False, True),
    (200, False, False),
    (-1, False, False),
)


def read(pieces: list[bytes]) -> tuple[int, bool, bool]:
    """Return the code, whether the answer is complete, and whether it has no certain end; code -1: it is not HTTP."""
    answer = Answer()
    try:
        for piece in pieces:
            if not answer.rules_out_reuse:
                answer.feed(piece)
    except NotHttp:
        return -1, False, False
    return answer.code, answer.is_complete, answer.rules_out_reuse


def cut(received: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(received), *(place for place in places if place < len(received))})
    return [received[start:end] for start, end in itertools.pairwise(edges)]


def bytewise(received: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in received]
