"""Fuzzes HTTP answers, in pieces."""

from __future__ import annotations

from tests.fuzz.parser import Parser
from tests.fuzz.pieces import pieces_of
from vimesh.monitor.probes.http.http_response import Answer, code_if_plain
from vimesh.monitor.probes.http.status_line import NotHttp

_OK = b"HTTP/1.1 200 OK\r\n"
_FIRST_BYTES = (b"\x00", b"\x40", b"\x80", b"\xff")
"""How the input is cut, see pieces_of."""
_ANSWERS = (
    _OK + b"Content-Length: 2\r\n\r\nok",
    _OK + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
    _OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n",
    _OK + b"\r\nhello",
    _OK + b"X-A:" + b" " * 400 + b"\0\r\nContent-Length: 0\r\n\r\n",
    _OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    _OK + b"Content-Length: 00000000000000000000000000002\r\n\r\nok",
    _OK + b"Connection: close, keep-alive\r\nContent-Length: 0\r\n\r\n",
    _OK + b"X-Folded: a\r\n  b\r\nContent-Length: 0\r\n\r\n",
    _OK + b"a:\r\n" * 1000 + b"\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + _OK + b"Content-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n\0\0\x12\x04",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nhello",
    b"HTTP/1.1 300\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 503 " + b"a" * 5000,
    b"HTTP/2 200\r\n\r\n",
    b"http/1.1 200 ok\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    b"\r\n" + _OK + b"\r\n",
    b"ICY 200 OK\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"<html>hello</html>",
    b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0d",
)


def _read(data: bytes) -> None:
    plain = code_if_plain(data[1:])
    answer, at_once = _answer(data), _answer(b"\0" + data[1:])
    assert _code(answer) == _code(at_once), f"{_code(answer)} in pieces, {_code(at_once)} at once"
    if plain:
        assert answer is not None, f"plain with {plain}, and no HTTP in pieces"
        assert (answer.code, answer.is_complete) == (plain, True), f"plain with {plain}, and not so in pieces"


def _code(answer: Answer | None) -> int | None:
    return None if answer is None else answer.code


def _answer(data: bytes) -> Answer | None:
    """Read until nothing more is needed, as a connection does; None: it is not HTTP."""
    answer = Answer()
    for piece in pieces_of(data):
        code = answer.code
        try:
            answer.feed(piece)
        except NotHttp:
            assert not code, "refused after it had a status"
            return None
        assert not code or answer.code == code, f"the status changed from {code} to {answer.code}"
        assert not (answer.is_complete and answer.rules_out_reuse), "both whole and without an end"
        if answer.rules_out_reuse:
            break
    return answer


PARSER = Parser(
    name="http",
    read=_read,
    seeds=tuple(first + answer for first in _FIRST_BYTES for answer in _ANSWERS),
    most_bytes=72 * 1024,
)
