"""Reads HTTP answers: their status, and whether their end is certain. Only then is the connection reused."""

from __future__ import annotations

import re

import httptools

from vimesh.monitor.probes.http.response_body import ResponseBody
from vimesh.monitor.probes.http.response_framing import ResponseFraming
from vimesh.monitor.probes.http.status_line import NotHttp, read_status

MOST_BYTES = 64 * 1024
"""A longer answer is not read to its end; interim answers before it count as part of it."""
MOST_PIECES = 1024
"""An answer that arrives in more pieces after its status is not read to its end, either."""
MOST_INTERIM_ANSWERS = 64
"""A probe fails if the server sends more of them before its answer."""

_SWITCHING_PROTOCOLS = 101
_FINAL = 200
_BLANK_LINE = b"\r\n\r\n"
_PERSISTENT_VERSION = b"HTTP/1.1 "
"""The only version for which the rules of persistent connections are certain."""

# Each byte can match in one way only: the possessive `++` and `*+` never backtrack.
_NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_VALUE = rb"[\t\x20-\x7e\x80-\xff]*+"
_OTHER_HEADERS = (
    rb"(?:(?!(?i:connection|content-length|transfer-encoding))%b:%b\r\n|(?i:connection: keep-alive)\r\n){0,63}+"
    % (_NAME, _VALUE)
)
_PLAIN = re.compile(
    rb"HTTP/1\.1 (?!204|304)([2-9]\d\d)(?: [^\r\n]*+)?\r\n%b(?i:content-length): ?(\d{1,4})\r\n%b\r\n"
    % (_OTHER_HEADERS, _OTHER_HEADERS)
)


class Answer:
    """One answer, fed piece by piece. Interim answers (1xx) before it are skipped."""

    __slots__ = (
        "_body_pieces_left",
        "_bytes_left",
        "_framing",
        "_in_interim",
        "_interim_left",
        "_pieces_left",
        "_unread",
        "body",
        "code",
        "is_complete",
        "rules_out_reuse",
    )

    def __init__(self, *, follow: bool = True, body: ResponseBody | None = None) -> None:
        """`follow`: read the answer to its end, and not only its status. `body`: what takes its body; None: nothing."""
        self.body = body
        self.code = 0
        """The status, once its line has arrived; 0 before."""
        self.is_complete = False
        """Whether every byte has arrived and none beyond: the connection may be reused."""
        self.rules_out_reuse = not follow
        """Whether the end is unknown or too far away, or the server wants to close: the connection cannot be reused."""
        self._bytes_left = MOST_BYTES
        self._pieces_left = self._body_pieces_left = MOST_PIECES
        self._interim_left = MOST_INTERIM_ANSWERS
        self._in_interim = False
        self._unread = b""
        """An incomplete status line, or a possible start of a blank line."""
        self._framing: ResponseFraming | None = None

    def feed(self, piece: bytes) -> None:
        """Process the next piece; empty: the server closed. Raises NotHttp, but only while there is no `code`."""
        self._bytes_left -= len(piece)
        if self._bytes_left < 0:
            piece = piece[: self._bytes_left]
        ended = not piece or self._bytes_left < 0
        if not self.code:
            piece = self._find_status(self._unread + piece, ended=ended)
        if self.body is not None and self.code:
            self._body_pieces_left -= 1
            self.body.feed(piece, ended=ended or self._body_pieces_left <= 0)
        if ended or self.is_complete:
            self.is_complete, self.rules_out_reuse = False, True
        elif piece and not self.rules_out_reuse:
            self._follow(piece)

    def _find_status(self, received: bytes, *, ended: bool) -> bytes:
        """Return the final answer as far as it has arrived; empty: it has not started yet."""
        while True:
            if self._in_interim:
                _, blank_line, following = received.partition(_BLANK_LINE)
                if not blank_line:
                    self._unread = received[1 - len(_BLANK_LINE) :]
                    break
                received, self._in_interim = following, False
            code = read_status(received, ended=ended)
            if code >= _FINAL or code == _SWITCHING_PROTOCOLS:
                self.code, self._unread = code, b""
                return received
            if not code:
                self._unread = received
                break
            self._pass_over()
        if ended:
            raise NotHttp("the answer has no HTTP status")
        return b""

    def _pass_over(self) -> None:
        # Interim answers are not parsed: llhttp might reject a header that does not affect the status.
        self._in_interim = True
        self._interim_left -= 1
        if self._interim_left < 0:
            raise NotHttp("the answer has interim HTTP statuses without end, and no final one")

    def _follow(self, piece: bytes) -> None:
        if self._framing is None:
            if self.code == _SWITCHING_PROTOCOLS or not piece.startswith(_PERSISTENT_VERSION):
                self.rules_out_reuse = True
                return
            self._framing = ResponseFraming(MOST_BYTES)
        self._pieces_left -= 1
        try:
            self.is_complete = self._framing.feed(piece)
            self.rules_out_reuse = not self.is_complete and not self._pieces_left
        except httptools.HttpParserError:
            self.rules_out_reuse = True
        if self.is_complete or self.rules_out_reuse:
            self._framing = None


def code_if_plain(received: bytes) -> int:
    """Return the status of an answer in one piece, with its length, on a persistent connection; else 0.

    Nearly all answers look like that. Agrees with `Answer`, but takes only a small fraction of its time.
    """
    match = _PLAIN.match(received)
    if match is None or match.end() + int(match[2]) != len(received):
        return 0
    return int(match[1])


def plain_answer(received: bytes) -> tuple[int, bytes] | None:
    """Return the status and the body of such an answer, else None."""
    match = _PLAIN.match(received)
    if match is None or match.end() + int(match[2]) != len(received):
        return None
    return int(match[1]), received[match.end() :]
