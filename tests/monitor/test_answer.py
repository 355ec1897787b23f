"""Where an HTTP answer ends: whatever comes, and in whatever pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vimesh.monitor.answer import MOST_BYTES, Answer, NotHttp, code_if_plain

HEADERS = st.sampled_from(
    [
        b"Content-Length: 0",
        b"content-length: 5",
        b"CONTENT-LENGTH:5",
        b"Content-Length : 5",
        b"Content-Length: 5, 5",
        b"Content-Length: +5",
        b"Content-Length: -1",
        b"Content-Length: 99999999999999999999",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Connection: keep-alive",
        b"Connection: Close",
        b"Connection: x, close",
        b"Server: a\n",
        b"Server: a\nTransfer-Encoding: chunked",
        b"Server: a\r",
        b" folded: yes",
        b"\tContent-Length: 3",
        b"Date: Mon, 1 Jan 2024 00:00:00 GMT",
        b"no header at all",
    ]
)
STATUS_LINES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200",
        b"HTTP/1.1 503 Service Unavailable",
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 304 Not Modified",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 101 Switching Protocols",
        b"HTTP/1.0 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/1.1 99 Odd",
        b"HTTP/1.1 2000 Odd",
        b"HTTP/1.1  200",
        b"http/1.1 200 OK",
    ]
)
BODIES = st.sampled_from(
    [
        b"",
        b"hello",
        b"hello more",
        b"5\r\nhello\r\n0\r\n\r\n",
        b"0\r\n\r\n",
        b"0\r\nTrailer: x\r\n\r\n",
        b"HTTP/1.1 200 OK",
    ]
)
ANSWERS = st.builds(
    lambda line, headers, body: b"\r\n".join([line, *headers, b"", body]),
    STATUS_LINES,
    st.lists(HEADERS, max_size=4),
    BODIES,
)
ANYTHING = st.one_of(ANSWERS, st.lists(ANSWERS, min_size=2, max_size=2).map(b"".join), st.binary(max_size=300))


def read(pieces: list[bytes]) -> tuple[int, bool, bool]:
    """Say code, whether it is whole, and whether it has no sure end; code -1: it is not HTTP."""
    answer = Answer()
    try:
        for piece in pieces:
            if not answer.without_end:
                answer.feed(piece)
    except NotHttp:
        return -1, False, False
    return answer.code, answer.whole, answer.without_end


@given(ANYTHING, st.lists(st.integers(0, 400), max_size=4))
def test_it_does_not_matter_in_which_pieces_an_answer_comes(received: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(received), *(cut for cut in cuts if cut < len(received))})
    pieces = [received[start:end] for start, end in itertools.pairwise(edges)]

    assert read(pieces) == read([received] if received else [])


@given(ANYTHING)
def test_the_quick_look_agrees_with_the_long_one(received: bytes) -> None:
    code = code_if_plain(received)

    if code:
        assert read([received]) == (code, True, False)


@given(st.binary(max_size=50), st.sampled_from([b"Content-Length: %d", b"Server: x\r\nContent-Length: %d"]))
def test_the_quick_look_knows_plain_answers(body: bytes, headers: bytes) -> None:
    received = b"HTTP/1.1 404 Not Found\r\n" + headers % len(body) + b"\r\nConnection: keep-alive\r\n\r\n" + body

    assert code_if_plain(received) == 404
    assert not code_if_plain(received + b"x")
    assert not code_if_plain(received[:-1])


@given(ANYTHING)
def test_a_connection_that_ends_is_never_used_again(received: bytes) -> None:
    _, whole, _ = read([*([received] if received else []), b""])

    assert not whole


@pytest.mark.parametrize(
    "flood",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * (MOST_BYTES // 20),
        b"HTTP/1.1 200 OK\r\n" + b"Header: value\r\n" * (MOST_BYTES // 10),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * (MOST_BYTES // 5),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + b"a" * MOST_BYTES,
    ],
)
def test_an_answer_without_measure_is_given_up(flood: bytes) -> None:
    pieces = [flood[at : at + 1000] for at in range(0, len(flood), 1000)]

    code, whole, without_end = read(pieces)

    assert not whole
    assert without_end or code == -1
