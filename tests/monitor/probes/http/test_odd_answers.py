"""What becomes of a VIM whose API answers oddly, or without end."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import AsyncGenerator, Callable, Iterable

import pytest

from tests.support.clouds.targets import LoopbackApi
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.answers import CHUNKED, EARLY_HINTS, EMPTY, OK, bytewise
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.probing import ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost

Pieces = Callable[[], Iterable[bytes]]

PLAIN = OK + b"Content-Length: 2\r\n\r\nok"
REACHABLE = (Status.REACHABLE, "")
PROTOCOL = (Status.UNREACHABLE, Reason.PROTOCOL)
TIMEOUT = (Status.UNREACHABLE, Reason.TIMEOUT)
RESET = (Status.UNREACHABLE, Reason.RESET)
KEEPING = quick_policy(timeout_s=0.4)
NOT_KEEPING = quick_policy(timeout_s=0.4, fall=1)
"""With one probe a round, each has a connection of its own."""


class SayingApi(LoopbackApi):
    """One that answers each request in some pieces; what has no end is said for as long as somebody listens."""

    def __init__(self) -> None:
        super().__init__("127.0.0.1", None)
        self.pieces: Pieces = lambda: [PLAIN]
        self.closes = False

    async def _talk(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002 - one is like the other
        while True:
            await reader.readuntil(b"\r\n\r\n")
            for piece in self.pieces():
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)  # the prober shares this loop
            if self.closes:
                return


@pytest.fixture
async def api() -> AsyncGenerator[SayingApi]:
    made = SayingApi()
    await made.listen()
    try:
        yield made
    finally:
        await made.refuse()
        await made.hang_up()


def _once(answer: bytes) -> Pieces:
    return lambda: [answer]


def _forever(begin: bytes, piece: bytes) -> Pieces:
    return lambda: itertools.chain([begin], itertools.repeat(piece))


def _bomb() -> bytes:
    packed = gzip.compress(bytes(8 << 20))
    return OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed


@pytest.mark.parametrize("policy", [KEEPING, NOT_KEEPING], ids=["keeping", "closing"])
@pytest.mark.parametrize(
    ("pieces", "verdict"),
    [
        pytest.param(_once(EMPTY), REACHABLE, id="plain"),
        pytest.param(lambda: bytewise(PLAIN), REACHABLE, id="bytewise"),
        pytest.param(_once(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n"), REACHABLE, id="no-reason"),
        pytest.param(
            _once(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"), REACHABLE, id="redirect"
        ),
        pytest.param(_once(b"HTTP/1.1 204 No Content\r\n\r\n"), REACHABLE, id="204"),
        pytest.param(_once(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"), REACHABLE, id="304"),
        pytest.param(_once(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), REACHABLE, id="101"),
        pytest.param(_once(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), REACHABLE, id="line-feeds"),
        pytest.param(_once(PLAIN + b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"), REACHABLE, id="two-answers"),
        pytest.param(_once(_bomb()), REACHABLE, id="gzip-bomb"),
        pytest.param(_once(OK + b"X-A:" + b" " * 30_000 + b"\0\r\n\r\n"), REACHABLE, id="blanks-and-nul"),
        pytest.param(lambda: [EARLY_HINTS, b"HTTP/1.1 102 Processing\r\n\r\n", PLAIN], REACHABLE, id="interim"),
        pytest.param(_forever(OK, b"X-Pad: " + b"a" * 8000 + b"\r\n"), REACHABLE, id="endless-headers"),
        pytest.param(_forever(OK, b"a:\r\n" * 1000), REACHABLE, id="endless-short-headers"),
        pytest.param(_forever(OK + b"X-Pad: ", b"a"), REACHABLE, id="endless-header-bytewise"),
        pytest.param(_forever(b"HTTP/1.1 200 ", b"a" * 65536), REACHABLE, id="endless-reason"),
        pytest.param(_forever(CHUNKED, b"4000\r\n" + bytes(0x4000) + b"\r\n"), REACHABLE, id="endless-body"),
        pytest.param(_forever(CHUNKED, b"1\r\na\r\n" * 1000), REACHABLE, id="endless-short-chunks"),
        pytest.param(_forever(OK + b"\r\n", bytes(65536)), REACHABLE, id="endless-without-length"),
        pytest.param(_once(b"HTTP/1.1 503 Service Unavailable\r\n"), (Status.UNREACHABLE, "HTTP_503"), id="503"),
        pytest.param(_forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), PROTOCOL, id="endless-1xx"),
        pytest.param(_forever(b"HTTP/1.1 103 E\r\nLink: ", b"a" * 4096), PROTOCOL, id="endless-interim"),
        pytest.param(_forever(b"", bytes(65536)), PROTOCOL, id="endless-nuls"),
        pytest.param(_once(b"<html>hello</html>"), PROTOCOL, id="http-0.9"),
        pytest.param(_once(b"ICY 200 OK\r\n\r\n"), PROTOCOL, id="icy"),
        pytest.param(_once(b"http/1.1 200 ok\r\nContent-Length: 0\r\n\r\n"), PROTOCOL, id="lower-case"),
        pytest.param(_once(b"HTTP/2 200 \r\ncontent-length: 0\r\n\r\n"), PROTOCOL, id="http-2-line"),
        pytest.param(_once(b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0d\0\x04\0\0\xff\xff"), PROTOCOL, id="http-2"),
        pytest.param(_once(b"\r\n" + EMPTY), PROTOCOL, id="line-end-first"),
        pytest.param(_once(b"HTTP/1.1 200 O"), TIMEOUT, id="status-line-without-end"),
        pytest.param(_once(EARLY_HINTS), TIMEOUT, id="interim-only"),
    ],
)
async def test_an_odd_answer_counts_by_its_status(
    host: ActionHost,
    api: SayingApi,
    verdicts: Verdicts,
    pieces: Pieces,
    *,
    verdict: tuple[Status, str],
    policy: ProbePolicy,
) -> None:
    api.pieces = pieces
    host.start(action(api.url, policy))

    told = await verdicts.next_of("vim")

    assert (told.status, told.reason) == verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        pytest.param(b"HTTP/1.0 200 OK\r\n\r\nhello", REACHABLE, id="http-1.0"),
        pytest.param(OK + b"\r\nhello", REACHABLE, id="no-length"),
        pytest.param(OK + b"Content-Length: 9\r\n\r\nok", REACHABLE, id="short-body"),
        pytest.param(OK + b"X-A", REACHABLE, id="half-header"),
        pytest.param(b"HTTP/1.1 200 O", REACHABLE, id="half-reason"),
        pytest.param(b"HTTP/1.1 200", REACHABLE, id="status-only"),
        pytest.param(b"HTTP/1.1 2", PROTOCOL, id="half-status"),
        pytest.param(b"HTT", PROTOCOL, id="half-protocol"),
        pytest.param(EARLY_HINTS, PROTOCOL, id="interim-only"),
        pytest.param(b"", RESET, id="nothing"),
    ],
)
async def test_an_answer_that_breaks_off_counts_if_its_status_came(
    host: ActionHost, api: SayingApi, verdicts: Verdicts, answer: bytes, verdict: tuple[Status, str]
) -> None:
    api.pieces, api.closes = _once(answer), True
    host.start(action(api.url))

    told = await verdicts.next_of("vim")

    assert (told.status, told.reason) == verdict
