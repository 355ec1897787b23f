"""A connection to the broker that filters deliveries before the AMQP library reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import aio_pika
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from yarl import URL

from vimesh.bridge.amqp.close_reasons import CloseReason, parse_close
from vimesh.bridge.amqp.content_filter import FRAME_END, FRAME_HEAD, ContentFilter
from vimesh.bridge.messages.oslo_messages import MAX_BODY_BYTES

MAX_FRAME_BYTES = 4 * 1024 * 1024
"""Brokers send at most 128 KiB, unless their administrator allows more."""
_PROTOCOL_HEADER = b"AMQP"


class GuardedReader:
    """The part of StreamReader's interface that the AMQP library uses, with filtered frames."""

    def __init__(self, reader: asyncio.StreamReader, content: ContentFilter) -> None:
        self._reader = reader
        self._content = content
        self._ready = b""
        self.close_reason: CloseReason | None = None
        """Why the broker closed the connection; None if it gave no reason."""

    def at_eof(self) -> bool:
        return not self._ready and self._reader.at_eof()

    async def read(self, size: int = -1) -> bytes:
        """Return the rest of the last frame, or else the next bytes of the stream."""
        ready, self._ready = self._ready, b""
        return ready or await self._reader.read(size)

    async def readexactly(self, size: int) -> bytes:
        """Return the next `size` bytes. Raises IncompleteReadError, and ConnectionError for data that is not AMQP."""
        while len(self._ready) < size:
            self._ready += await self._frame()
        taken, self._ready = self._ready[:size], self._ready[size:]
        return taken

    async def _frame(self) -> bytes:
        head = await self._reader.readexactly(FRAME_HEAD.size)
        if head.startswith(_PROTOCOL_HEADER):
            return head  # the broker speaks another version: the library reports it
        kind, channel, length = FRAME_HEAD.unpack(head)
        if length > MAX_FRAME_BYTES:
            raise ConnectionError(f"a frame of {length} bytes")
        rest = await self._reader.readexactly(length + len(FRAME_END))
        if not rest.endswith(FRAME_END):
            raise ConnectionError("a frame without an end")
        self.close_reason = self.close_reason or parse_close(kind, channel, rest[:-1])
        try:
            return self._content.filter_frame(kind, channel, rest[:-1])
        except ValueError as error:
            raise ConnectionError(str(error)) from error


class _GuardedTransport(TransportFactory):
    def __init__(self, inner: TransportFactory) -> None:
        self._inner = inner
        self.reader: GuardedReader | None = None

    async def create(
        self,
        url: URL,
        **kwargs: Any,  # noqa: ANN401 - the library's own signature
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self._inner.create(url, **kwargs)
        self.reader = GuardedReader(reader, ContentFilter(MAX_BODY_BYTES))
        return cast("asyncio.StreamReader", self.reader), writer


class GuardedConnection(aio_pika.Connection):
    """A connection that no message can break."""

    def __init__(self, url: URL, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the library's own signature
        super().__init__(url, *args, **kwargs)
        factory: Callable[[], TransportFactory] = TLSTransportFactory if url.scheme == "amqps" else TCPTransportFactory
        self._guard = self.kwargs["transport_factory"] = _GuardedTransport(factory())

    @property
    def close_reason(self) -> CloseReason | None:
        """Why the broker closed it, in the broker's own words, which the AMQP library sometimes loses."""
        return self._guard.reader.close_reason if self._guard.reader else None

    @property
    def is_over(self) -> bool:
        """Whether it is no longer usable. The AMQP library notices only a moment later that it was closed."""
        if self.is_closed or self.close_reason is not None or self.transport is None:
            return True
        return bool(self.transport.connection.is_closed)
