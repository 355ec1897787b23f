"""oslo.messaging's messages: a JSON text in a JSON envelope."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vimesh.bridge.failures import CallFailed

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"
MAX_BODY_BYTES = 1024 * 1024
"""A call of an action has about 2 KiB."""

_VERSION = "oslo.version"
_MESSAGE = "oslo.message"
_ENVELOPE_VERSION = "2.0"


class Malformed(Exception):
    """What came is no call. The message says why, and nothing of what came."""


@dataclass(frozen=True, slots=True)
class Call:
    """What somebody wants to have done. Nothing in it was checked but its form."""

    method: str
    arguments: Mapping[str, Any]
    version: str
    namespace: str | None
    call_id: str
    """Tells the caller's calls apart; empty if nobody waits for an answer."""
    reply_to: str
    """The queue of the caller; empty if nobody waits for an answer."""
    unique_id: str
    """The same when the broker delivers the message again."""
    timeout_s: float | None
    """For how long the caller waits; None: it did not say."""


def call_from(body: bytes, expiration_s: float | None) -> Call:
    """Read a message. Raises Malformed."""
    inner = _opened(body)
    call_id, reply_to = _text(inner, "_msg_id"), _text(inner, "_reply_q")
    arguments = inner.get("args") or {}
    return Call(
        method=_text(inner, "method"),
        arguments=arguments if isinstance(arguments, dict) else {"args": arguments},
        version=_text(inner, "version") or "1.0",
        namespace=_text(inner, "namespace") or None,
        call_id=call_id if reply_to else "",
        reply_to=reply_to if call_id else "",
        unique_id=call_id or _text(inner, "_unique_id") or uuid.uuid4().hex,
        timeout_s=_shorter(expiration_s, inner.get("_timeout")),
    )


def answer_to(call: Call, result: str | CallFailed) -> bytes:
    """Write the one and last answer to a call."""
    failed = isinstance(result, CallFailed)
    return _closed(
        {
            "result": None if isinstance(result, CallFailed) else result,
            "failure": json.dumps(result.on_wire()) if isinstance(result, CallFailed) else None,
            "ending": True,
            "_msg_id": call.call_id,
            "_unique_id": uuid.uuid4().hex,
        }
        | ({"log_failure": True} if failed else {})
    )


def cast(method: str) -> bytes:
    """Write a call that nobody waits for."""
    return _closed({"method": method, "args": {}, "version": "1.0", "_unique_id": uuid.uuid4().hex})


def _closed(inner: Mapping[str, object]) -> bytes:
    return json.dumps({_VERSION: _ENVELOPE_VERSION, _MESSAGE: json.dumps(inner)}).encode()


def _opened(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise Malformed(f"it has more than {MAX_BODY_BYTES} bytes")
    envelope = _parsed(body)
    if not isinstance(envelope, dict):
        raise Malformed("it is no object")
    if _VERSION not in envelope or _MESSAGE not in envelope:
        return envelope  # as it was before there were envelopes
    if str(envelope[_VERSION]).partition(".")[0] != "2":
        raise Malformed("its envelope has a version that is not known here")
    if not isinstance(envelope[_MESSAGE], str):
        raise Malformed("its envelope holds no text")
    inner = _parsed(envelope[_MESSAGE])
    if not isinstance(inner, dict):
        raise Malformed("it is no object")
    return inner


def _parsed(text: bytes | str) -> Any:  # noqa: ANN401 - what JSON holds
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("it is not JSON") from error


def _text(inner: Mapping[str, object], key: str) -> str:
    value = inner.get(key)
    return value if isinstance(value, str) else ""


def _shorter(expiration_s: float | None, monitor: object) -> float | None:
    # Whoever sets _timeout wants signs of life that often. There are none here, so the answer comes within it.
    limits = [] if expiration_s is None else [expiration_s]
    if isinstance(monitor, int | float) and not isinstance(monitor, bool) and monitor > 0:
        limits.append(float(monitor))
    return min(limits, default=None)
