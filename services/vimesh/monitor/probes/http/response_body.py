"""Reads the body of an answer, for those whose service is judged by it."""

from __future__ import annotations

import httptools


class _Collector:
    """Receives llhttp's callbacks."""

    # No reference to the parser: see ResponseFraming.
    __slots__ = ("content", "is_over")

    def __init__(self) -> None:
        self.content = bytearray()
        self.is_over = False

    def on_body(self, piece: bytes) -> None:
        self.content += piece

    def on_message_complete(self) -> None:
        self.is_over = True


class ResponseBody:
    """Takes whatever version and framing the answer has: unlike for reuse, a doubtful end does no harm here.

    Whoever feeds it bounds the bytes.
    """

    __slots__ = ("_collector", "_parser", "is_over")

    def __init__(self) -> None:
        self._collector = _Collector()
        self._parser = httptools.HttpResponseParser(self._collector)
        self.is_over = False
        """Whether no more of it will come."""

    @property
    def content(self) -> bytes:
        """The body as far as it has arrived, without its framing."""
        return bytes(self._collector.content)

    def feed(self, piece: bytes, *, ended: bool) -> None:
        """Take the next piece of the answer, which begins with its status line. `ended`: no more will come."""
        if self.is_over:
            return
        try:
            self._parser.feed_data(piece)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            ended = True
        self.is_over = ended or self._collector.is_over
