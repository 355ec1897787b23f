"""Signs requests after Standard Webhooks (https://www.standardwebhooks.com), so that a receiver knows who sent them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from vimesh.notifier.senders.sender import SendRefused

_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)
"""The specification's bounds of a key."""


def parse_signing_secret(text: str) -> bytes:
    """Return the key in a secret of the form `whsec_` and base64. Raises SendRefused."""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in _KEY_BYTES:
        raise SendRefused("the signing secret must be whsec_ and base64 of 24 to 64 bytes; give the receiver another")
    return key


def signature_headers(key: bytes, message_id: str, body: bytes, unix_time_s: int) -> dict[str, str]:
    """Return the headers that sign a body."""
    signed = f"{message_id}.{unix_time_s}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode("ascii")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(unix_time_s),
        "webhook-signature": f"v1,{signature}",
    }
