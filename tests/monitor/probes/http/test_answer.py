"""Where an HTTP answer ends: whatever comes, and in whatever pieces."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

import pytest
from httptools import HttpResponseParser
from hypothesis import given
from hypothesis import strategies as st

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
    cut,
    read,
)
from vimesh.monitor.probes.http.http_response import (
    MOST_BYTES,
    MOST_INTERIM_ANSWERS,
    MOST_PIECES,
    Answer,
    code_if_plain,
)
from vimesh.monitor.probes.http.status_line import NotHttp

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
        b"Server: a\0",
        b"Server: \x01\xff",
        b"Upgrade: h2c",
        b"Transfer-Encoding: identity",
        b"Keep-Alive: timeout=5",
        b"Connection-Hint: close",
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
        b"HTTP/1.1 200 \0",
        b"HTTP/1.1 200 OK\n",
        b"HTTP/1.1 200 OK\r",
        b"\r\nHTTP/1.1 200 OK",
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
        b"5;a=b\r\nhello\r\n000\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"FFFFFFFFFFFFFFFFFF\r\nhello",
        b"hello\r\n",
        b"HTTP/1.1 200 OK",
    ]
)
ANSWERS = st.builds(
    lambda line, headers, body: b"\r\n".join([line, *headers, b"", body]),
    STATUS_LINES,
    st.lists(HEADERS, max_size=4),
    BODIES,
)
ANYTHING = st.one_of(
    ANSWERS,
    st.lists(ANSWERS, min_size=2, max_size=2).map(b"".join),
    st.binary(max_size=300),
    st.builds(lambda head, rest: head + b"\r\n" + rest, STATUS_LINES, st.binary(max_size=300)),
)


# These come in fewer pieces than are taken: with more of them, an answer would be given up.
@given(ANYTHING, st.lists(st.integers(0, 400), max_size=4), st.sampled_from([[], [b""]]))
def test_it_does_not_matter_in_which_pieces_an_answer_comes(
    received: bytes, cuts: list[int], closed: list[bytes]
) -> None:
    in_one_piece = read([*([received] if received else []), *closed])

    assert read([*cut(received, cuts), *closed]) == in_one_piece
    assert read([*bytewise(received), *closed]) == in_one_piece


@given(st.lists(ANYTHING, max_size=6))
def test_nothing_that_is_read_raises_but_what_is_not_http(pieces: list[bytes]) -> None:
    answer = Answer()
    for piece in pieces:
        if answer.code:
            answer.feed(piece)
        else:
            try:
                answer.feed(piece)
            except NotHttp:
                assert not answer.code
                return


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


@pytest.mark.parametrize("line", [b"204 No Content", b"304 Not Modified", b"100 Continue"])
def test_the_quick_look_does_not_know_answers_that_have_no_body(line: bytes) -> None:
    assert not code_if_plain(b"HTTP/1.1 " + line + b"\r\nContent-Length: 2\r\n\r\nok")


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
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * MOST_BYTES,
        b"HTTP/1.1 103 Early Hints\r\nLink: " + b"a" * MOST_BYTES,
        b"HTTP/1.1 200 OK\r\nLink: " + b"a" * MOST_BYTES,
    ],
)
def test_an_answer_without_measure_is_given_up(flood: bytes) -> None:
    pieces = [flood[at : at + 1000] for at in range(0, len(flood), 1000)]

    code, whole, without_end = read(pieces)

    assert not whole
    assert without_end or code == -1


def test_an_answer_may_have_as_many_bytes_as_are_read() -> None:
    head = OK + b"Content-Length: %d\r\n\r\n"
    size = MOST_BYTES - len(head % MOST_BYTES)

    assert read([head % size + bytes(size)]) == WHOLE
    assert read([head % (size + 1) + bytes(size + 1)]) == WITHOUT_END


def test_a_status_that_comes_too_late_is_none_in_whatever_pieces() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: %b\r\n\r\n"
    room = MOST_BYTES - len(interim % b"") - len(OK)

    for pieces in ([interim % (b"a" * room) + OK], bytewise(interim % (b"a" * room) + OK)):
        assert read(pieces) == UNFINISHED
    for pieces in ([interim % (b"a" * (room + 1 + len(OK))) + OK], bytewise(interim % (b"a" * MOST_BYTES) + OK)):
        assert read(pieces) == NOT_HTTP


def test_an_answer_that_comes_in_too_many_pieces_is_given_up() -> None:
    drip = OK + b"Content-Length: %d\r\n\r\n" % MOST_PIECES

    assert read([drip, *bytewise(bytes(MOST_PIECES - 2))]) == UNFINISHED
    assert read([drip, *bytewise(bytes(MOST_PIECES - 1))]) == WITHOUT_END


def test_interim_answers_may_be_as_many_as_are_passed_over() -> None:
    assert read([EARLY_HINTS * MOST_INTERIM_ANSWERS + EMPTY]) == WHOLE
    assert read(bytewise(EARLY_HINTS * MOST_INTERIM_ANSWERS + EMPTY)) == WHOLE


def test_without_a_use_for_the_connection_nothing_but_the_status_is_read() -> None:
    answer = Answer(follow=False)

    answer.feed(EARLY_HINTS + EMPTY)

    assert (answer.code, answer.is_complete, answer.rules_out_reuse) == (200, False, True)


@pytest.mark.parametrize(
    "of_size",
    [
        lambda size: OK + b"X-A:" + b" " * size + b"\0\r\nContent-Length: 0\r\n\r\n",
        lambda size: OK + b"X-A: " + b"\t " * (size // 2) + b"x\r\nContent-Length: 0\r\n\r\n",
        lambda size: OK + b"X" * size + b"\r\n\r\n",
        lambda size: OK + b"a:b\r\n" * (size // 5) + b"\r\n",
        lambda size: OK + b"Connection: " + b"," * size + b"\r\n\r\n",
        lambda size: OK + b"Content-Length: " + b"9" * size + b"\r\n\r\n",
        lambda size: OK + b"Content-Length: " + b"0" * size + b"\r\n\r\n",
        lambda size: b"HTTP/1.1 200 " + b"K" * size,
        lambda size: b"HTTP/1.1 103 " + b"\r" * size,
        lambda size: EARLY_HINTS * (size // len(EARLY_HINTS)),
        lambda size: CHUNKED + b"1\r\na\r\n" * (size // 6),
        lambda size: CHUNKED + b"1;" + b"a" * size,
        lambda size: CHUNKED + b"0" * size,
    ],
)
@pytest.mark.parametrize("in_pieces", [lambda received: [received], bytewise])
def test_an_answer_costs_time_in_proportion_to_its_size(
    of_size: Callable[[int], bytes], in_pieces: Callable[[bytes], list[bytes]]
) -> None:
    def cpu_s(size: int) -> float:
        pieces = in_pieces(of_size(size))
        took = []
        for _ in range(5):
            begun = time.process_time()
            read(pieces)
            took.append(time.process_time() - begun)
        return min(took)

    for size in (50, 200, 800, 3200, 12800):
        # A square would need 16 times as long, and what is short says nothing.
        assert cpu_s(4 * size) < 8 * cpu_s(size) + 0.001


def test_an_answer_under_way_leaves_nothing_to_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        for received in (OK, CHUNKED + b"2\r\no", OK + b"A: \0\r\n", CHUNKED + b"0\r\nTrailer: x\r\n\r\n"):
            read([received])
        left = [each for each in gc.get_objects() if isinstance(each, (Answer, HttpResponseParser))]
    finally:
        gc.enable()

    assert not left
