"""Reads request bodies: JSON objects of a bounded length."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from starlette.requests import Request

from vimesh.api.rest.errors.error_answers import RequestRefused, bad_request
from vimesh.wire.json_text import NotTaken, parse_object
from vimesh.wire.limits import MAX_JSON_BYTES

_DRAINED_BYTES: Final = 8 * MAX_JSON_BYTES


async def read_object(request: Request, within_s: float) -> dict[str, Any]:
    """Read the body, which must arrive in full within `within_s`. Raises RequestRefused.

    Its content type must be JSON: a web page can make a browser send some other types without a preflight request.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestRefused(415, "HTTPUnsupportedMediaType", "the content-type must be application/json")
    try:
        async with asyncio.timeout(within_s):
            text = await _bounded(request)
    except TimeoutError:
        # The rest of the body would be read as the next request.
        headers = {"Connection": "close"}
        message = f"the request did not arrive within {within_s:g} s"
        raise RequestRefused(408, "HTTPRequestTimeout", message, headers=headers) from None
    try:
        return parse_object(text)
    except NotTaken as error:
        raise bad_request(f"the request body {error}") from None


async def _bounded(request: Request) -> bytes:
    text, length = bytearray(), 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= MAX_JSON_BYTES:
            text += chunk
        elif length > _DRAINED_BYTES:
            break
    # A client does not read the answer while it sends. So an oversized body is read, up to a limit, and discarded.
    if length > MAX_JSON_BYTES:
        raise RequestRefused(
            413, "HTTPRequestEntityTooLarge", f"the request body is longer than {MAX_JSON_BYTES} bytes"
        )
    return bytes(text)
