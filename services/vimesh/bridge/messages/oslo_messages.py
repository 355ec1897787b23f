"""Reads and writes oslo.messaging's messages: a JSON text in a JSON envelope."""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vimesh.bridge.messages.caller_exceptions import CallFailed
from vimesh.tracing.current_request import plain_id

CONTENT_TYPE = "application/json"
CONTENT_ENCODING = "utf-8"
MAX_BODY_BYTES = 256 * 1024
"""An action's call takes about 2 KiB."""
MAX_CONTAINERS = 500
"""Lists and objects in a message: a call has about ten. This also bounds the depth of nesting."""
MAX_VALUES = 10_000
MAX_NAME_BYTES = 255
"""AMQP's limit for the name of a queue."""
MAX_TIMEOUT_S = 300.0
"""Cap on the timeout that a message states."""

_RESERVED = "amq.rabbitmq."
"""Prefix of the broker's own queues. Publishing to some of them closes the connection."""
_VERSION = "oslo.version"
_MESSAGE = "oslo.message"
_ENVELOPE_VERSION = "2.0"


class Malformed(Exception):
    """The message is not a call. The exception's text states why, and quotes at most a short printable name."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call as received. Only its form has been checked."""

    method: str
    arguments: Mapping[str, Any]
    version: str
    namespace: str | None
    call_id: str
    """Identifies the call to its caller; empty if the caller expects no answer."""
    reply_to: str
    """The caller's reply queue; empty if the caller expects no answer."""
    timeout_s: float | None
    """How long the caller waits; None: not stated."""
    user: str
    """The broker's user that published it; empty if it does not say."""
    request_id: str = ""
    """The id that oslo.messaging has given the message; empty if it has none."""


def fingerprint(body: bytes, user: str) -> bytes:
    """Return a digest that is the same for each delivery of a message, and that no other user can make collide.

    The ids in a message cannot serve as that, because its sender chooses them.
    """
    return hashlib.sha256(hashlib.sha256(user.encode()).digest() + body).digest()


def parse_call(body: bytes, expiration_s: float | None, user: str) -> Call:
    """Parse a message. Raises Malformed."""
    inner = _open_envelope(body)
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
        timeout_s=_shortest_timeout(expiration_s, inner.get("_timeout")),
        user=user,
        request_id=plain_id(inner.get("_unique_id")),
    )


def build_reply(call: Call, result: str | CallFailed) -> bytes:
    """Build the only answer to a call, marked as the last."""
    failed = isinstance(result, CallFailed)
    return _wrap_envelope(
        {
            "result": None if isinstance(result, CallFailed) else result,
            "failure": json.dumps(result.on_wire()) if isinstance(result, CallFailed) else None,
            "ending": True,
            "_msg_id": call.call_id,
            "_unique_id": uuid.uuid4().hex,
        }
        | ({"log_failure": True} if failed else {})
    )


def build_cast(method: str) -> bytes:
    """Build a cast: a call that expects no answer."""
    return _wrap_envelope({"method": method, "args": {}, "version": "1.0", "_unique_id": uuid.uuid4().hex})


def _wrap_envelope(inner: Mapping[str, object]) -> bytes:
    return json.dumps({_VERSION: _ENVELOPE_VERSION, _MESSAGE: json.dumps(inner)}).encode()


def _open_envelope(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_BODY_BYTES:
        raise Malformed(f"it has more than {MAX_BODY_BYTES} bytes")
    envelope = _parse_json(body)
    if not isinstance(envelope, dict):
        raise Malformed("it is not an object")
    if _VERSION not in envelope or _MESSAGE not in envelope:
        return envelope  # the format before envelopes were introduced
    version = envelope[_VERSION]
    if not isinstance(version, str) or version.partition(".")[0] != "2":
        raise Malformed(f"its envelope has version {_shown(version)}; only 2.0 is supported")
    if not isinstance(envelope[_MESSAGE], str):
        raise Malformed("its envelope contains no text")
    inner = _parse_json(envelope[_MESSAGE])
    if not isinstance(inner, dict):
        raise Malformed("it is not an object")
    return inner


def _shown(version: object) -> str:
    """Return the version in a form that is safe to log."""
    is_word = isinstance(version, str) and version.isascii() and version.isprintable()
    return repr(str(version)[:20]) if is_word else f"<{type(version).__name__}>"


def _parse_json(text: bytes | str) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(text, bytes):
        text = _decode(text)
    # Characters within strings count, too: that keeps the check cheap, and no real call comes near the limits.
    if text.count("[") + text.count("{") > MAX_CONTAINERS:
        raise Malformed(f"it has more than {MAX_CONTAINERS} lists and objects")
    if text.count(",") > MAX_VALUES:
        raise Malformed(f"it has more than {MAX_VALUES} values")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("it is not JSON") from error


def _decode(body: bytes) -> str:
    # Detect the encoding as Python's JSON parser does: kombu ignores content-encoding, too.
    try:
        return body.decode(json.detect_encoding(body))
    except UnicodeDecodeError as error:
        raise Malformed("it is not UTF-8") from error


def _word(inner: Mapping[str, object], key: str, default: str) -> str:
    """Return a text that is only compared with others; for a value of another type, one that matches none."""
    value = inner.get(key)
    if value is None or value == "":
        return default
    return value[:MAX_NAME_BYTES] if isinstance(value, str) else f"<{type(value).__name__}>"


def _name(inner: Mapping[str, object], key: str) -> str:
    """Return a text that is sent back over AMQP; empty if there is none. Raises Malformed."""
    value = inner.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"its {key} is not a string")
    try:
        length = len(value.encode())
    except UnicodeEncodeError:
        raise Malformed(f"its {key} is not valid Unicode") from None
    if length > MAX_NAME_BYTES:
        raise Malformed(f"its {key} has more than {MAX_NAME_BYTES} bytes")
    return value


def _shortest_timeout(expiration_s: float | None, monitor: object) -> float | None:
    # A caller that sets _timeout expects heartbeats that often. The bridge sends none, so it answers within that time.
    limits = [min(limit_s, MAX_TIMEOUT_S) for limit_s in (expiration_s, _seconds(monitor)) if limit_s is not None]
    return min(limits, default=None)


def _seconds(value: object) -> float | None:
    """Return a usable timeout in seconds; None for any other value."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Compare before converting: an integer may be too large for a float.
    if not 0 < value < math.inf:
        return None
    return float(min(value, MAX_TIMEOUT_S))
