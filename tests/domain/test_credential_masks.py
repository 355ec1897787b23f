"""What is shown of credentials, and what is put back."""

from __future__ import annotations

import pytest

from vimesh.domain.credential_masks import has_mask, mask, unmask
from vimesh.domain.errors import BadInput


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("username", "admin", "admin"),
        ("project_domain_name", "Default", "Default"),
        ("cert_verify", False, False),
        ("password", "x", "***"),
        ("password", "", "***"),
        ("Username", "x", "***"),
        ("anything", 1, "***"),
        ("anything", None, "***"),
        ("tokens", ["a", {"username": "b"}], "***"),
        ("username", ["a"], "***"),
        ("username", {"password": "x", "region": "r"}, {"password": "***", "region": "r"}),
        ("nested", {"deep": {"secret": 1, "user_id": "u"}}, {"deep": {"secret": "***", "user_id": "u"}}),
        ("auth_url", "http://10.0.0.1/v3", "http://10.0.0.1/v3"),
        ("auth_url", "http://user:pass@10.0.0.1/v3", "***"),
        ("auth_url", "http://[", "***"),
        ("ssl_ca_cert", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"),
        ("ssl_ca_cert", "-----BEGIN RSA PRIVATE KEY-----", "***"),
    ],
)
def test_only_what_is_known_to_be_harmless_is_shown(key: str, value: object, shown: object) -> None:
    assert mask({key: value}) == {key: shown}


def test_what_was_shown_can_be_sent_back() -> None:
    stored = {"username": "u", "password": "p", "list": [1], "nested": {"token": "t", "region": "r"}}

    assert unmask(mask(stored), stored) == stored
    assert unmask({"nested": {"token": "***", "region": "s"}}, stored) == {"nested": {"token": "t", "region": "s"}}
    assert unmask({}, stored) == {}


@pytest.mark.parametrize("sent", [{"pin": "***"}, {"password": {"a": "***"}}, {"nested": {"pin": "***"}}])
def test_a_mask_without_a_stored_value_is_refused(sent: dict[str, object]) -> None:
    assert has_mask(sent)
    with pytest.raises(BadInput):
        unmask(sent, {"password": "p", "nested": {"token": "t"}})
