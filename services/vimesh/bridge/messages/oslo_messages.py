"""oslo.messaging's messages: a JSON text in a JSON envelope."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vimesh.bridge.messages.caller_exceptions import CallFailed

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"
MAX_BODY_BYTES = 256 * 1024
"""A call of an action has about 2 KiB."""
MAX_CONTAINERS = 500
"""Lists and objects in a message: a call has about ten. It bounds how deep they are nested, too."""
MAX_VALUES = 10_000
MAX_NAME_BYTES = 255
"""What AMQP allows for the name of a queue."""
MAX_TIMEOUT_S = 300.0
"""No caller is waited for any longer."""

_RESERVED = "amq.rabbitmq."
"""Names of the broker's own. To publish to some of them ends the connection."""
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
    timeout_s: float | None
    """For how long the caller waits; None: it did not say."""


def fingerprint(body: bytes) -> bytes:
    """Return what is the same when the broker delivers the message again, and no caller can make two of alike.

    The ids in a message are no good for that: they are whatever its sender says.
    """
    return hashlib.sha256(body).digest()


def call_from(body: bytes, expiration_s: float | None) -> Call:
    """Read a message. Raises Malformed."""
    inner = _opened(body)
    call_id, reply_to = _name(inner, "_msg_id"), _name(inner, "_reply_q")
    if reply_to.startswith(_RESERVED):
        raise Malformed(f"its _reply_q begins with {_RESERVED}")
    arguments = inner.get("args") or {}
    return Call(
        method=_word(inner, "method", ""),
        arguments=arguments if isinstance(arguments, dict) else {"args": arguments},
        version=_word(inner, "version", "1.0"),
        namespace=_word(inner, "namespace", "") or None,
        call_id=call_id if reply_to else "",
        reply_to=reply_to if call_id else "",
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
    version = envelope[_VERSION]
    if not isinstance(version, str) or version.partition(".")[0] != "2":
        raise Malformed(f"its envelope has version {_shown(version)}, and 2.0 is known here")
    if not isinstance(envelope[_MESSAGE], str):
        raise Malformed("its envelope holds no text")
    inner = _parsed(envelope[_MESSAGE])
    if not isinstance(inner, dict):
        raise Malformed("it is no object")
    return inner


def _shown(version: object) -> str:
    """Return what may be logged of it."""
    is_word = isinstance(version, str) and version.isascii() and version.isprintable()
    return repr(str(version)[:20]) if is_word else f"<{type(version).__name__}>"


def _parsed(text: bytes | str) -> Any:  # noqa: ANN401 - what JSON holds
    if isinstance(text, bytes):
        text = _decoded(text)
    # Counted in strings, too: that is cheap, and no call comes near it.
    if text.count("[") + text.count("{") > MAX_CONTAINERS:
        raise Malformed(f"it has more than {MAX_CONTAINERS} lists and objects")
    if text.count(",") > MAX_VALUES:
        raise Malformed(f"it has more than {MAX_VALUES} values")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("it is not JSON") from error


def _decoded(body: bytes) -> str:
    # As Python's parser does: content-encoding is of no account to kombu either.
    try:
        return body.decode(json.detect_encoding(body))
    except UnicodeDecodeError as error:
        raise Malformed("it is not UTF-8") from error


def _word(inner: Mapping[str, object], key: str, default: str) -> str:
    """Return a text that is only compared with others; one that nobody uses if it is no text."""
    value = inner.get(key)
    if value is None or value == "":
        return default
    return value[:MAX_NAME_BYTES] if isinstance(value, str) else f"<{type(value).__name__}>"


def _name(inner: Mapping[str, object], key: str) -> str:
    """Return a text that goes into AMQP again; empty if there is none. Raises Malformed."""
    value = inner.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"its {key} is no text")
    try:
        length = len(value.encode())
    except UnicodeEncodeError:
        raise Malformed(f"its {key} is no Unicode") from None
    if length > MAX_NAME_BYTES:
        raise Malformed(f"its {key} has more than {MAX_NAME_BYTES} bytes")
    return value


def _shorter(expiration_s: float | None, monitor: object) -> float | None:
    # Whoever sets _timeout wants signs of life that often. There are none here, so the answer comes within it.
    limits = [min(limit_s, MAX_TIMEOUT_S) for limit_s in (expiration_s, _seconds(monitor)) if limit_s is not None]
    return min(limits, default=None)


def _seconds(value: object) -> float | None:
    """Return a time that somebody can wait; None for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Compared before it is converted: a whole number may be too large for a float.
    if not 0 < value < math.inf:
        return None
    return float(min(value, MAX_TIMEOUT_S))
