"""Restores the body of a message as its sender wrote it, before compression."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aio_pika.abc import AbstractIncomingMessage

from vimesh.bridge.messages.compression import decompress, is_compression
from vimesh.bridge.messages.oslo_messages import CONTENT_ENCODING, CONTENT_TYPE, MAX_BODY_BYTES

_COMPRESSION = "compression"
"""The header in which kombu states how it compressed a body."""


async def read_plain_body(message: AbstractIncomingMessage) -> bytes:
    """Undo the compressions that the message declares, the last one applied first. Raises Malformed."""
    body = message.body
    if len(body) > MAX_BODY_BYTES:
        return body  # cut short by the content filter: the parser rejects it as too long
    for name in _compressions(message):
        # In a thread, because one block of bzip2 takes longer than other calls should wait.
        body = await asyncio.to_thread(decompress, body, name)
    return body


def unusual_headers(message: AbstractIncomingMessage) -> Mapping[str, str]:
    """Return the content type and encoding where they differ from those that oslo.messaging sends."""
    said = {"content_type": message.content_type, "content_encoding": message.content_encoding}
    return {name: value for name, value in said.items() if value and value not in (CONTENT_TYPE, CONTENT_ENCODING)}


def _compressions(message: AbstractIncomingMessage) -> list[str]:
    by_kombu, encoding = message.headers.get(_COMPRESSION), message.content_encoding or ""
    return ([str(by_kombu)] if by_kombu else []) + ([encoding] if is_compression(encoding) else [])
