"""Bodies of requests: JSON objects of a bounded length and depth."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, Never

from starlette.requests import Request

from vimesh.api.rest.refusals import Refused, bad_request

MAX_BYTES: Final = 1024 * 1024
"""Far above what the longest VIM needs."""
_DRAINED_BYTES: Final = 8 * MAX_BYTES
_WITHIN_S: Final = 30.0
_MAX_DEPTH: Final = 32


async def object_in(request: Request) -> dict[str, Any]:
    """Read the body. Raises Refused."""
    try:
        async with asyncio.timeout(_WITHIN_S):
            text = await _bounded(request)
    except TimeoutError:
        raise Refused(408, "HTTPRequestTimeout", f"the request did not come within {_WITHIN_S:g} s") from None
    try:
        found = json.loads(text, parse_constant=_no_number)
        # Half of a pair of surrogates is no text.
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise bad_request(f"the request body is not JSON: {_place(error)}") from None
    if not isinstance(found, dict):
        raise bad_request("the request body must be a JSON object")
    if _deeper(found, _MAX_DEPTH):
        raise bad_request(f"the request body is nested deeper than {_MAX_DEPTH} levels")
    return found


async def _bounded(request: Request) -> bytes:
    text, length = bytearray(), 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= MAX_BYTES:
            text += chunk
        elif length > _DRAINED_BYTES:
            break
    # Who is still sending hears nothing. So what is too long is read, up to a point, and thrown away.
    if length > MAX_BYTES:
        raise Refused(413, "HTTPRequestEntityTooLarge", f"the request body is longer than {MAX_BYTES} bytes")
    return bytes(text)


def _no_number(word: str) -> Never:
    raise ValueError(f"{word} is no number")


def _place(error: Exception) -> str:
    # Never the text itself: there may be a password in it.
    return str(error) if isinstance(error, json.JSONDecodeError) else "it holds what JSON cannot"


def _deeper(value: object, levels: int) -> bool:
    if isinstance(value, Mapping):
        return not levels or any(_deeper(inner, levels - 1) for inner in value.values())
    if isinstance(value, list):
        return not levels or any(_deeper(inner, levels - 1) for inner in value)
    return False
