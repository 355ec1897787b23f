"""Bounds that both ends of a call know, or that a request must keep before it is parsed."""

from __future__ import annotations

from typing import Final

MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
"""gRPC itself refuses a larger request with RESOURCE_EXHAUSTED, before it is read."""
MAX_JSON_BYTES: Final = 512 * 1024
"""Bound of a request that comes as JSON text."""
MAX_FREE_FORM_VALUES: Final = 2048
"""How many values a free-form field may hold, those inside others counted: each takes a conductor some microseconds."""
MAX_BATCH_VALUES: Final = 8_000
"""How many values the free-form fields of a batch may hold together: to read them takes a conductor 0.1 s at most."""

_SMALL_BYTES = 16 * 1024
_QUERY_BYTES = 64 * 1024
# Four free-form fields of 64 KiB of JSON have up to 960 KiB as protobuf, where a number of one digit has 11 bytes.
_VIM_BYTES = 1024 * 1024

_REQUEST_BYTES: Final = {
    "RegisterVim": _VIM_BYTES,
    "ModifyVim": _VIM_BYTES,
    "RegisterVimJson": MAX_JSON_BYTES + _SMALL_BYTES,
    "ModifyVimJson": MAX_JSON_BYTES + _SMALL_BYTES,
    "RegisterVims": _VIM_BYTES,
    "UpdateVims": MAX_MESSAGE_BYTES,
    "ListVims": _QUERY_BYTES,
    "ListVimEvents": _QUERY_BYTES,
}


def max_request_bytes(method: str) -> int:
    """Return how long a request of a method may be, which is named without its service."""
    return _REQUEST_BYTES.get(method, _SMALL_BYTES)
