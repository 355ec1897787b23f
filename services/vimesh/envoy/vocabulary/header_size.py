"""Limits the size of request headers: there is one limit, and Envoy enforces it.

Headers that are too long for Envoy's codec break an HTTP/2 connection, with all calls on it. So the codec accepts more
than is allowed, and a route refuses the single request.
"""

from __future__ import annotations

from typing import Final

MAX_HEADERS_KB: Final = 64
"""Names and values together. Keystone and OpenID Connect tokens with many roles take up to 32 kB."""
CODEC_HEADERS_KB: Final = 256
MAX_HEADERS: Final = 2000
"""gRPC counts 32 bytes more for each header, and its limit allows for that (conductor/ports/grpc_limits.py)."""

HEADER_BYTES: Final = "x-vimesh-header-bytes"


def measured() -> dict[str, object]:
    """Return the mutation that records the length of the headers in a header of its own."""
    noted = {"key": HEADER_BYTES, "value": "%REQUEST_HEADERS_BYTES%"}
    return {"append": {"header": noted, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}


def too_long() -> list[dict[str, object]]:
    """Return the header matchers of a request whose headers are too long."""
    return [{"name": HEADER_BYTES, "range_match": {"start": MAX_HEADERS_KB * 1024 + 1, "end": 2**31}}]
