"""The body of a message as its sender wrote it, before it was compressed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aio_pika.abc import AbstractIncomingMessage

from vimesh.bridge.messages.compression import is_compression, undone
from vimesh.bridge.messages.oslo_messages import CONTENT_ENCODING, CONTENT_TYPE, MAX_BODY_BYTES

_COMPRESSION = "compression"
"""Where kombu says how it has compressed a body."""


async def plain_body(message: AbstractIncomingMessage) -> bytes:
    """Undo what the message says was done to its body, the last thing first. Raises Malformed."""
    body = message.body
    if len(body) > MAX_BODY_BYTES:
        return body  # cut off: what reads it says that it is too long
    for name in _compressions(message):
        # Apart, because one block of bzip2 takes longer than other calls should wait.
        body = await asyncio.to_thread(undone, body, name)
    return body


def unusual(message: AbstractIncomingMessage) -> Mapping[str, str]:
    """Return what the message says of its body that callers of oslo.messaging would not say."""
    said = {"content_type": message.content_type, "content_encoding": message.content_encoding}
    return {name: value for name, value in said.items() if value and value not in (CONTENT_TYPE, CONTENT_ENCODING)}


def _compressions(message: AbstractIncomingMessage) -> list[str]:
    by_kombu, encoding = message.headers.get(_COMPRESSION), message.content_encoding or ""
    return ([str(by_kombu)] if by_kombu else []) + ([encoding] if is_compression(encoding) else [])
