"""Reads the status line of an HTTP answer: vimesh does this itself, more strictly than HTTP parsers do."""

from __future__ import annotations

import re

_START = b"HTTP/"
_STATUS_LINE = re.compile(rb"HTTP/\d\.\d ([1-9]\d\d)(?:[ \r\n]|\Z)")
_LONGEST = 4096


class NotHttp(Exception):
    """The data is not an HTTP answer. The message states why."""


def read_status(received: bytes, *, ended: bool) -> int:
    """Return the status of the answer that begins here; 0: its line is incomplete. Raises NotHttp.

    `ended`: no more data will arrive, so a line without its end is accepted.
    """
    if not received.startswith(_START[: len(received)]):
        raise NotHttp("the answer is not HTTP")
    if not ended and b"\n" not in received and len(received) < _LONGEST:
        return 0
    match = _STATUS_LINE.match(received)
    if match is None:
        raise NotHttp("the answer has no HTTP status")
    return int(match[1])
