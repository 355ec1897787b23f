from __future__ import annotations

import time

import pytest

from vimesh.monitor.probes.traces.answer_head import MOST_BYTES, read_head


@pytest.mark.parametrize(
    ("received", "head"),
    [
        (b"", (0, ())),
        (b"SSH-2.0-OpenSSH\r\n", (0, ())),
        (b"HTTP/1.1 200 OK\r\nServer: nginx\r\nX-Other: 1\r\n\r\nbody: text", (200, (("Server", "nginx"),))),
        (b"HTTP/1.1 503 Busy\r\nRetry-After:  7 \r\nretry-after: 9\r\n\r\n", (503, (("Retry-After", "7"),))),
        # Only the scheme: what follows may be a challenge that lets somebody in.
        (
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm=x, nonce=abc\r\nSet-Cookie: sid=1\r\n\r\n",
            (401, (("WWW-Authenticate", "Bearer"),)),
        ),
        (
            b"HTTP/1.1 302 Found\r\nLocation: https://me:pw@sso.example.org/login?token=abc#top\r\n\r\n",
            (302, (("Location", "https://sso.example.org/login"),)),
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nVia: 1.1 proxy\r\n\r\n", (204, (("Via", "1.1 proxy"),))),
        (b"HTTP/1.1 200 OK\r\nServer: \x1b[31mred\xff\r\n\r\n", (200, (("Server", "?[31mred?"),))),
        (b"HTTP/1.1 200 OK\r\nServer: half", (200, (("Server", "half"),))),
    ],
)
def test_what_people_look_at_is_read(received: bytes, head: object) -> None:
    assert read_head(received) == head


def test_a_long_value_is_cut() -> None:
    [(_, value)] = read_head(b"HTTP/1.1 200 OK\r\nServer: " + b"n" * 4000 + b"\r\n\r\n")[1]

    assert value == "n" * 256


@pytest.mark.parametrize("filling", [b"\r\n", b":", b" ", b"HTTP/1.1 100 C\r\n\r\n", b"a:b\r\n", b"Location: //@//@"])
def test_nothing_takes_long(filling: bytes) -> None:
    hostile = b"HTTP/1.1 200 OK\r\n" + filling * (2 * MOST_BYTES // len(filling))
    began = time.thread_time()

    for start in (0, len(b"HTTP/1.1 200 OK\r\n")):
        read_head(hostile[start:])

    assert time.thread_time() - began < 0.05
