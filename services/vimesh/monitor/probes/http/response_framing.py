"""Finds the end of an HTTP answer with llhttp, certain enough to attribute the next byte to the next answer."""

from __future__ import annotations

import httptools

MOST_HEADER_LINES = 128


class _Marks:
    """Receives llhttp's callbacks. Raises on input that llhttp accepts but other parsers may read differently."""

    # No reference to the parser, which holds this object: only the garbage collector could free such a cycle.
    __slots__ = ("_chunked", "_lines_left", "_most_bytes", "complete", "in_body")

    def __init__(self, most_bytes: int) -> None:
        self.in_body = False
        self.complete = False
        self._chunked = False
        self._lines_left = MOST_HEADER_LINES
        self._most_bytes = most_bytes

    def on_header(self, name: bytes, value: bytes) -> None:
        self._lines_left -= 1
        if self._lines_left < 0:
            raise httptools.HttpParserError("too many header lines")
        if self.in_body:
            raise httptools.HttpParserError("nobody sends trailers, and some do not expect them")
        name = name.lower()
        if name == b"content-length":
            if int(value) > self._most_bytes:
                raise httptools.HttpParserError("the end is too far away")
        elif name == b"transfer-encoding":
            if self._chunked or value.strip().lower() != b"chunked":
                raise httptools.HttpParserError("the body is encoded more than once")
            self._chunked = True

    def on_headers_complete(self) -> None:
        self.in_body = True

    def on_message_complete(self) -> None:
        self.complete = True


class ResponseFraming:
    """Follows one answer, from its status line to its last byte."""

    __slots__ = ("_marks", "_parser")

    def __init__(self, most_bytes: int) -> None:
        """`most_bytes`: a body with a greater Content-Length is not awaited."""
        self._marks = _Marks(most_bytes)
        self._parser = httptools.HttpResponseParser(self._marks)

    def feed(self, piece: bytes) -> bool:
        """Return whether the answer ends with this piece. Raises HttpParserError if its end is not certain."""
        marks, parser = self._marks, self._parser
        # llhttp does not report where an answer ended: at the last byte, if the bytes before did not complete it.
        parser.feed_data(piece[:-1])
        if marks.complete:
            raise httptools.HttpParserError("more came than the answer")
        stays = parser.should_keep_alive()  # read now, because the end of an answer resets it
        parser.feed_data(piece[-1:])
        if marks.in_body and not stays:
            raise httptools.HttpParserError("the connection will close")
        return marks.complete
