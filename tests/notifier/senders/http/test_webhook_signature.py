"""Receivers that use the library of Standard Webhooks accept the signatures."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from vimesh.notifier.senders.http.webhook_signature import parse_signing_secret, signature_headers
from vimesh.notifier.senders.sender import SendRefused

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
BODY = '{"text": "für"}'.encode()


def test_the_library_verifies_a_signature() -> None:
    headers = signature_headers(parse_signing_secret(SECRET), "id-1", BODY, int(time.time()))

    assert Webhook(SECRET).verify(BODY, headers) == {"text": "für"}


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body", "key"])
def test_nothing_that_is_signed_can_be_changed(changed: str) -> None:
    now = int(time.time())
    headers = signature_headers(parse_signing_secret(SECRET), "id-1", BODY, now)
    headers |= {"webhook-id": "id-2"} if changed == "webhook-id" else {}
    headers |= {"webhook-timestamp": str(now - 1)} if changed == "webhook-timestamp" else {}
    body = BODY + b" " if changed == "body" else BODY
    secret = "whsec_" + base64.b64encode(bytes(32)).decode() if changed == "key" else SECRET

    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, headers)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_short", "whsec_" + "A" * 200, "whsec_\n" + SECRET, "whsec_é", "x"])
def test_what_is_no_secret_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(SendRefused) as raised:
        parse_signing_secret(secret)

    assert str(raised.value).startswith("the signing secret must be whsec_ and base64 of 24 to 64 bytes")
