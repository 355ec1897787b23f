"""The line by which an HTTP answer says its status: what vimesh judges itself, and more strictly than parsers do."""

from __future__ import annotations

import re

_START = b"HTTP/"
_STATUS_LINE = re.compile(rb"HTTP/\d\.\d ([1-9]\d\d)(?:[ \r\n]|\Z)")
_LONGEST = 4096


class NotHttp(Exception):
    """What came is no HTTP answer. The message says why."""


def read_status(received: bytes, *, ended: bool) -> int:
    """Return the status of the answer that begins here; 0: its line is still coming. Raises NotHttp.

    `ended`: no more will come, and a line without its end is one.
    """
    if not received.startswith(_START[: len(received)]):
        raise NotHttp("the answer is not HTTP")
    if not ended and b"\n" not in received and len(received) < _LONGEST:
        return 0
    match = _STATUS_LINE.match(received)
    if match is None:
        raise NotHttp("the answer has no HTTP status")
    return int(match[1])
