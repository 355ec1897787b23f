"""Picks from the head of an HTTP answer what people look at. Whoever is probed has chosen each byte of it."""

from __future__ import annotations

import re
from typing import Final

from vimesh.monitor.probes.http.status_line import NotHttp, read_status

MOST_BYTES: Final = 8 * 1024
"""Of a longer head, only the beginning is looked at."""
_LONGEST_VALUE: Final = 256
_SHOWN: Final = {
    b"server": "Server",
    b"content-type": "Content-Type",
    b"content-length": "Content-Length",
    b"location": "Location",
    b"retry-after": "Retry-After",
    b"via": "Via",
    b"www-authenticate": "WWW-Authenticate",
}
_INTERIM: Final = 200
# What follows the scheme may be a challenge, and what follows `?` a secret.
_AFTER_SCHEME = re.compile(r" .*", re.DOTALL)
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_UNPRINTABLE = re.compile(r"[^\x20-\x7e]")
_USER = re.compile(r"//[^/@]*+@")


def read_head(received: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
    """Return the status and the headers worth showing of an answer as far as it has come; (0, ()): it has no status."""
    received = received[:MOST_BYTES]
    while True:
        head, _, following = received.partition(b"\r\n\r\n")
        try:
            code = read_status(head, ended=True)
        except NotHttp:
            return 0, ()
        if code >= _INTERIM or not following:
            return code, tuple(_shown(head.split(b"\r\n")[1:]))
        received = following


def _shown(lines: list[bytes]) -> list[tuple[str, str]]:
    values: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        shown = _SHOWN.get(name.lower())
        if shown is not None and shown not in values:
            values[shown] = _text(shown, value.strip().decode("latin-1"))
    return list(values.items())


def _text(name: str, value: str) -> str:
    if name == "WWW-Authenticate":
        value = _AFTER_SCHEME.sub("", value)
    elif name == "Location":
        value = _USER.sub("//", _QUERY.sub("", value))
    return _UNPRINTABLE.sub("?", value)[:_LONGEST_VALUE]
