"""How long the headers of a request may be: one limit, and it is Envoy that says it.

What is too long for Envoy's codec breaks an HTTP/2 connection, with all calls on it. So the codec takes more than is
allowed, and a route refuses the one request.
"""

from __future__ import annotations

from typing import Final

from vimesh.envoy.typed import TRANSCODED, extension

MAX_HEADERS_KB: Final = 64
"""Names and values together. Tokens of Keystone and OpenID Connect with many roles take up to 32 kB."""
CODEC_HEADERS_KB: Final = 256
MAX_HEADERS: Final = 2000
"""How many there may be. gRPC counts 32 bytes for each, and takes that much more (conductor/server_options.py)."""

_HEADER: Final = "x-vimesh-header-bytes"
_MEASURE: Final = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"


def measured() -> dict[str, object]:
    """Return the extension that notes the length of the headers before a route is chosen."""
    noted = {
        "header": {"key": _HEADER, "value": "%REQUEST_HEADERS_BYTES%"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        _MEASURE,
        mutations=[{"remove": TRANSCODED}, {"append": noted}],
    )


def too_long() -> list[dict[str, object]]:
    """Return the header matchers of a request whose headers are too long."""
    return [{"name": _HEADER, "range_match": {"start": MAX_HEADERS_KB * 1024 + 1, "end": 2**31}}]
