"""How long the headers of a request may be: one limit, and it is Envoy that says it.

What is too long for Envoy's codec breaks an HTTP/2 connection, with all calls on it. So the codec takes more than is
allowed, and a route refuses the one request.
"""

from __future__ import annotations

from typing import Final

MAX_HEADERS_KB: Final = 64
"""Names and values together. Tokens of Keystone and OpenID Connect with many roles take up to 32 kB."""
CODEC_HEADERS_KB: Final = 256
MAX_HEADERS: Final = 2000
"""How many there may be. gRPC counts 32 bytes for each, and takes that much more (conductor/ports/grpc_limits.py)."""

HEADER_BYTES: Final = "x-vimesh-header-bytes"


def measured() -> dict[str, object]:
    """Return the mutation that notes the length of the headers."""
    noted = {"key": HEADER_BYTES, "value": "%REQUEST_HEADERS_BYTES%"}
    return {"append": {"header": noted, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def too_long() -> list[dict[str, object]]:
    """Return the header matchers of a request whose headers are too long."""
    return [{"name": HEADER_BYTES, "range_match": {"start": MAX_HEADERS_KB * 1024 + 1, "end": 2**31}}]
