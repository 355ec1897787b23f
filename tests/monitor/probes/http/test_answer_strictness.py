"""What an answer is taken for: each of these is met, or tried by those who want one answer to be taken for two."""

from __future__ import annotations

import pytest

from tests.support.probers.answers import (
    CHUNKED,
    EARLY_HINTS,
    EMPTY,
    NOT_HTTP,
    OK,
    UNFINISHED,
    WHOLE,
    WITHOUT_END,
    bytewise,
    read,
)
from vimesh.monitor.probes.http.http_response import MOST_BYTES, MOST_INTERIM_ANSWERS
from vimesh.monitor.probes.http.response_framing import MOST_HEADER_LINES


@pytest.mark.parametrize(
    ("received", "read_as"),
    [
        # Certain ends.
        (EMPTY, WHOLE),
        (OK + b"Content-Length: 2\r\n\r\nok", WHOLE),
        (OK + b"Content-Length:\t2 \r\n\r\nok", WHOLE),
        (OK + b"Server: \xe4\r\ncontent-LENGTH: 2\r\n\r\nok", WHOLE),
        (b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", WHOLE),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, True, False)),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", (304, True, False)),
        (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", (302, True, False)),
        (b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n", (999, True, False)),
        (CHUNKED + b"2\r\nok\r\n0\r\n\r\n", WHOLE),
        (CHUNKED + b"2;a=b\r\nok\r\n00\r\n\r\n", WHOLE),
        (EARLY_HINTS + EMPTY, WHOLE),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + EARLY_HINTS + EMPTY, WHOLE),
        (b"HTTP/1.0 100 Odd\r\nno header : at all\r\n folded\r\n\r\n" + EMPTY, WHOLE),
        # Ends that are still to come.
        (OK, UNFINISHED),
        (b"HTTP/1.1 200 " + b"O" * 5000, UNFINISHED),
        (OK + b"Content-Length: 2\r\n\r\no", UNFINISHED),
        (CHUNKED + b"2\r\nok\r\n0\r\n", UNFINISHED),
        # A status, and an end that is not certain.
        (b"HTTP/1.0 200 OK\r\n\r\nhello", WITHOUT_END),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", WITHOUT_END),
        (b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", WITHOUT_END),
        (b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n", WITHOUT_END),
        (OK + b"\r\nhello", WITHOUT_END),
        (OK + b"Content-Length: 0\r\nConnection: x, Close\r\n\r\n", WITHOUT_END),
        (OK + b"Connection: close\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", WITHOUT_END),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", (101, False, True)),
        (EMPTY + EMPTY, WITHOUT_END),
        (EMPTY + b"\r\n", WITHOUT_END),
        (b"HTTP/1.1 204 No Content\r\n\r\n\r\n", (204, False, True)),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", (204, False, True)),
        (OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok", WITHOUT_END),
        (OK + b"Content-Length: 2, 2\r\n\r\nok", WITHOUT_END),
        (OK + b"Content-Length: 0x2\r\n\r\nok", WITHOUT_END),
        (OK + b"Content-Length: +2\r\n\r\nok", WITHOUT_END),
        (OK + b"Content-Length: 2_0\r\n\r\nok", WITHOUT_END),
        (OK + b"Content-Length:\r\n\r\n", WITHOUT_END),
        (OK + b"Content-Length : 2\r\n\r\nok", WITHOUT_END),
        (OK + b"Content-Length: %d\r\n\r\n" % (MOST_BYTES + 1), WITHOUT_END),
        (OK + b"Content-Length: 99999999999999999999\r\n\r\n", WITHOUT_END),
        (OK + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", WITHOUT_END),
        (CHUNKED[:-2] + b"Content-Length: 0\r\n\r\n0\r\n\r\n", WITHOUT_END),
        (CHUNKED[:-2] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", WITHOUT_END),
        (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", WITHOUT_END),
        (OK + b"Transfer-Encoding: gzip\r\n\r\n", WITHOUT_END),
        (CHUNKED + b"0\r\nTrailer: x\r\n\r\n", WITHOUT_END),
        (CHUNKED + b"-1\r\n", WITHOUT_END),
        (CHUNKED + b"2\r\nok0\r\n\r\n", WITHOUT_END),
        (CHUNKED + b"FFFFFFFFFFFFFFFFF\r\n", WITHOUT_END),
        (OK + b"A: b\r\n folded\r\nContent-Length: 0\r\n\r\n", WITHOUT_END),
        (OK + b" A: b\r\nContent-Length: 0\r\n\r\n", WITHOUT_END),
        (OK + b"A: \0\r\nContent-Length: 0\r\n\r\n", WITHOUT_END),
        (OK + b"A: b\nContent-Length: 0\r\n\r\n", WITHOUT_END),
        (OK + b"A: b\rContent-Length: 0\r\n\r\n", WITHOUT_END),
        (OK + b"no header at all\r\nContent-Length: 0\r\n\r\n", WITHOUT_END),
        (OK + b"Content-Length: 0\r\n\n", WITHOUT_END),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", WITHOUT_END),
        (OK + b"a:\r\n" * MOST_HEADER_LINES + b"Content-Length: 0\r\n\r\n", WITHOUT_END),
        # No status.
        (b"HTTP/1.1 100 Continue\r\n\r\n" * (MOST_INTERIM_ANSWERS + 1), NOT_HTTP),
        (b"<html>hello</html>", NOT_HTTP),
        (b"SSH-2.0-OpenSSH_9.2\r\n", NOT_HTTP),
        (b"ICY 200 OK\r\n\r\n", NOT_HTTP),
        (b"http/1.1 200 ok\r\nContent-Length: 0\r\n\r\n", NOT_HTTP),
        (b"HTTP/2 200 \r\ncontent-length: 0\r\n\r\n", NOT_HTTP),
        (b"\r\n" + EMPTY, NOT_HTTP),
        (b"HTTP/1.1  200 OK\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 099 Odd\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 2000 Odd\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1 200OK\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.10 200 OK\r\n\r\n", NOT_HTTP),
        (b"HTTP/1.1\t200 OK\r\n\r\n", NOT_HTTP),
        (b"\0\0\x12\x04\0\0\0\0\0", NOT_HTTP),
    ],
)
def test_an_answer_is_read_as_strictly_as_its_connection_needs(
    received: bytes, read_as: tuple[int, bool, bool]
) -> None:
    assert read([received]) == read_as
    assert read(bytewise(received)) == read_as


@pytest.mark.parametrize(
    ("received", "code"),
    [
        (b"HTTP/1.1 200", 200),
        (b"HTTP/1.1 200 O", 200),
        (b"HTTP/1.1 503 ", 503),
        (b"HTTP/1.1 20", -1),
        (b"HTTP/1.1 2", -1),
        (b"HTT", -1),
        (EARLY_HINTS, -1),
        (EARLY_HINTS[:-1], -1),
        (EARLY_HINTS + b"HTTP/1.1 200 O", 200),
        (OK + b"Content-Len", 200),
    ],
)
def test_an_answer_that_breaks_off_is_one_if_its_status_came(received: bytes, code: int) -> None:
    assert read([received, b""])[0] == code
