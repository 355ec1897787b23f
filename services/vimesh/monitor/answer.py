"""Reads HTTP answers as strictly as it takes to know where one ends: only then may its connection be used again."""

from __future__ import annotations

import re
from collections.abc import Callable

MOST_BYTES = 64 * 1024
"""An answer of more is not read to its end."""
_LONGEST_STATUS_LINE = 4096
_LONGEST_HEAD = 32 * 1024
_LONGEST_CHUNK_LINE = 256

_START = b"HTTP/"
_STATUS_LINE = re.compile(rb"HTTP/\d\.\d ([1-9]\d\d)(?:[ \r\n]|$)")
# Each byte of a header has one way to match: `++` and `*+` keep no others in reserve.
_NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_HEADER = re.compile(rb"(%b):[ \t]*([^\r\n\x00]*?)[ \t]*" % _NAME)
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_LENGTH = re.compile(rb"[0-9]{1,10}")
_FINAL = 200
_WITHOUT_BODY = (b"204", b"304")
_SWITCHING_PROTOCOLS = 101

_OTHER_HEADERS = (
    rb"(?:(?!(?i:connection|content-length|transfer-encoding))%b:[^\r\n\x00]*+\r\n|(?i:connection: keep-alive)\r\n)*+"
    % _NAME
)
_PLAIN = re.compile(
    rb"HTTP/1\.1 (?!204|304)([2-9]\d\d)(?: [^\r\n]*)?\r\n%b(?i:content-length): ?(\d{1,4})\r\n%b\r\n"
    % (_OTHER_HEADERS, _OTHER_HEADERS)
)


class NotHttp(Exception):
    """What came is no HTTP answer. The message says why."""


class Answer:
    """One answer, piece by piece. Interim ones (1xx) that come before it are passed over."""

    __slots__ = ("_buffer", "_left", "_step", "_taken", "code", "whole", "without_end")

    def __init__(self) -> None:
        self.code = 0
        """The status, as soon as its line has come."""
        self.whole = False
        """Every byte has come, and no byte more: the connection may be used again."""
        self.without_end = False
        """Where it ends is not known, or too far away, or the server wants to close: no use for the connection."""
        self._buffer = b""
        self._left = 0
        self._taken = 0
        # Not bound: an answer that holds itself would be left to the garbage collector.
        self._step: Callable[[Answer], bool] = Answer._read_status

    def feed(self, piece: bytes) -> None:
        """Take what came next; empty: the server closed. Raises NotHttp, but only while there is no `code`."""
        self._taken += len(piece)
        self._buffer += piece
        while not self.without_end and not self.whole and self._step(self):
            pass
        if not piece or self._taken > MOST_BYTES or (self.whole and self._buffer):
            self.whole, self.without_end = False, True
        if self.without_end:
            self._end_early()

    def _end_early(self) -> None:
        """Make do with what came: a status line without its end is one."""
        if not self.code:
            match = _STATUS_LINE.match(self._buffer)
            if match is None or int(match[1]) < _FINAL:
                raise NotHttp("the answer has no HTTP status")
            self.code = int(match[1])
        self._buffer = b""

    # Each step takes its part off the buffer, and says whether there may be more to take.

    def _read_status(self) -> bool:
        received = self._buffer
        if not received.startswith(_START[: len(received)]):
            raise NotHttp("the answer is not HTTP")
        if b"\n" not in received and len(received) < _LONGEST_STATUS_LINE:
            return False
        match = _STATUS_LINE.match(received)
        if match is None:
            raise NotHttp("the answer has no HTTP status")
        code = int(match[1])
        self._step = Answer._read_head
        if code >= _FINAL or code == _SWITCHING_PROTOCOLS:
            self.code = code
        return True

    def _read_head(self) -> bool:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            if len(self._buffer) > _LONGEST_HEAD:
                self._give_up()
            return False
        self._buffer = rest
        if not self.code:
            self._step = Answer._read_status
            return True
        self._frame(head)
        return True

    def _frame(self, head: bytes) -> None:
        line, *lines = head.split(b"\r\n")
        found: dict[bytes, list[bytes]] = {b"content-length": [], b"transfer-encoding": [], b"connection": []}
        for header in lines:
            match = _HEADER.fullmatch(header)
            if match is None:
                self._give_up()
                return
            if (name := match[1].lower()) in found:
                found[name].append(match[2].lower())
        lengths, encodings, connection = found.values()
        tokens = {token.strip(b" \t") for value in connection for token in value.split(b",")}
        if not line.startswith(b"HTTP/1.1 ") or b"\n" in line or b"close" in tokens:
            self._give_up()
        else:
            self._choose(lengths, encodings)

    def _choose(self, lengths: list[bytes], encodings: list[bytes]) -> None:
        if self.code == _SWITCHING_PROTOCOLS:
            self._give_up()
        elif b"%d" % self.code in _WITHOUT_BODY:
            self.whole = True
        elif encodings == [b"chunked"] and not lengths:
            self._step = Answer._read_chunk_line
        elif len(lengths) == 1 and not encodings and _LENGTH.fullmatch(lengths[0]) and int(lengths[0]) <= MOST_BYTES:
            self._left = int(lengths[0])
            self._step = Answer._read_body
        else:
            self._give_up()

    def _read_body(self) -> bool:
        self._skip()
        self.whole = not self._left
        return False

    def _read_chunk_line(self) -> bool:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            if len(self._buffer) > _LONGEST_CHUNK_LINE:
                self._give_up()
            return False
        match = _CHUNK_LINE.fullmatch(line)
        size = int(match[1], 16) if match else MOST_BYTES + 1
        if size > MOST_BYTES:
            self._give_up()
            return False
        self._buffer = rest
        self._left = size
        self._step = Answer._read_chunk if size else Answer._read_last_line
        return True

    def _read_chunk(self) -> bool:
        self._skip()
        if self._left:
            return False
        self._step = Answer._read_chunk_end
        return True

    def _read_chunk_end(self) -> bool:
        if len(self._buffer) < 2:
            return False
        if not self._buffer.startswith(b"\r\n"):
            self._give_up()
            return False
        self._buffer = self._buffer[2:]
        self._step = Answer._read_chunk_line
        return True

    def _read_last_line(self) -> bool:
        # Trailers may be left out, and nobody sends any: an answer that has some is not understood.
        if len(self._buffer) < 2:
            return False
        if self._buffer.startswith(b"\r\n"):
            self._buffer = self._buffer[2:]
            self.whole = True
        else:
            self._give_up()
        return False

    def _skip(self) -> None:
        skipped = min(self._left, len(self._buffer))
        self._left -= skipped
        self._buffer = self._buffer[skipped:]

    def _give_up(self) -> None:
        self.without_end = True


def code_if_plain(received: bytes) -> int:
    """Return the status of an answer that came in one piece, with its length, on a connection that stays; else 0.

    That is what nearly all answers look like. It agrees with `Answer`, in a small part of its time.
    """
    match = _PLAIN.match(received)
    if match is None or match.end() + int(match[2]) != len(received):
        return 0
    return int(match[1])
