"""What is shown of credentials, and what is put back."""

from __future__ import annotations

import pytest

from vimesh.domain.credential_masks import (
    mask,
    mask_secrets,
    mask_text,
    names_secret,
    put_back,
    require_no_mask,
    unmask,
)
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
        ("oidc_token_url", "http://10.0.0.1/v3?client_secret=x", "***"),
        ("auth_url", "http://[", "***"),
        ("ssl_ca_cert", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"),
        ("ssl_ca_cert", "-----BEGIN RSA PRIVATE KEY-----", "***"),
        ("auth_type", "v3applicationcredential", "v3applicationcredential"),
        ("client_cert", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----"),
        ("client_cert", "-----BEGIN CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----", "***"),
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
    with pytest.raises(BadInput):
        unmask(sent, {"password": "p", "nested": {"token": "t"}})


@pytest.mark.parametrize(
    "name",
    [
        *("password", "PASSWORD", "Password", "userPassword", "user-password", "admin_pass", "db passwd", "passphrase"),
        *("secret", "client_secret", "clientSecret", "CLIENT-SECRET", "AWSSecretAccessKey", "secrets"),
        *("token", "bearer_token", "X-Auth-Token", "apiToken", "api_key", "apiKey", "API-KEY", "apikey"),
        *(
            "private_key",
            "privateKey",
            "ssh-key",
            "client-key-data",
            "Authorization",
            "credentials",
            "auth_cred",
            "PIN",
        ),
        *("set-cookie", "kubeconfig", "x" * 300 + "_password"),
    ],
)
def test_a_name_tells_a_secret_however_it_is_written(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name",
    ["", "name", "region", "regions", "compass", "mapping", "public_key", "key", "key_type", "token_url"],
)
def test_other_names_tell_none(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ({"regions": ["RegionOne"]}, {"regions": ["RegionOne"]}),
        ({"password": "x", "n": 1}, {"password": "***", "n": 1}),
        ({"a": {"b": {"apiKey": 1}}}, {"a": {"b": {"apiKey": "***"}}}),
        ({"credentials": {"username": "u", "pw": "x"}}, {"credentials": {"username": "u", "pw": "***"}}),
        ({"tokens": ["a"]}, {"tokens": "***"}),
        ({"sites": [{"name": "a", "token": "b"}]}, {"sites": "***"}),
        ({"sites": [{"name": "a"}, [1, None]]}, {"sites": [{"name": "a"}, [1, None]]}),
        ({"pem": "-----BEGIN PRIVATE KEY-----"}, {"pem": "***"}),
        ({"git": "https://u:p@h/x?a=b&token=c"}, {"git": "https://u:***@h/x?a=b&token=***"}),
        ({"links": ["https://h/?sig=c"]}, {"links": "***"}),
    ],
)
def test_a_free_form_field_is_shown_without_its_secrets(stored: dict[str, object], shown: dict[str, object]) -> None:
    assert mask_secrets(stored) == shown
    assert mask_secrets(shown) == shown
    assert put_back(shown, stored) == stored
    assert put_back({**shown, "new": 1}, stored) == {**stored, "new": 1}


def test_what_was_changed_is_not_put_back() -> None:
    stored = {"password": "old", "git": "https://u:p@h/x", "a": {"token": "t", "n": 1}}

    sent = put_back({"password": "new", "git": "https://u:q@h/x", "a": {"token": "***", "n": 2}}, stored)

    assert sent == {"password": "new", "git": "https://u:q@h/x", "a": {"token": "t", "n": 2}}


@pytest.mark.parametrize(
    "sent", [{"password": "***"}, {"a": [{"token": "***"}]}, {"git": "http://u:***@h/"}, {"git": "http://h/?token=***"}]
)
def test_a_mask_is_not_stored_in_place_of_a_secret(sent: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        require_no_mask(sent, "vim.extra")


@pytest.mark.parametrize("sent", [{"note": "***"}, {"token": ""}, {"rating": "*** of 5", "sum": "a=***"}])
def test_three_asterisks_elsewhere_are_a_text(sent: dict[str, object]) -> None:
    require_no_mask(sent, "vim.extra")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see http://10.0.0.1/v3?limit=5", "see http://10.0.0.1/v3?limit=5"),
        ("postgresql://me:hunter2@db/vimesh", "postgresql://me:***@db/vimesh"),
        ("http://me:a@b@db/ and amqp://me:c@mq", "http://me:***@db/ and amqp://me:***@mq"),
        ("https://ghp_x@git/", "https://***@git/"),
        ("http://h/?a=b&Pass%77ord=c&d=e#access_token=f", "http://h/?a=b&Pass%77ord=***&d=e#access_token=***"),
        ("http://h/?key=a", "http://h/?key=***"),
        ("""http://h/?x="a&token=b""", """http://h/?x="a&token=***"""),
        ("""failed: password="a b" code=500""", """failed: password=*** code=500"""),
        ("mail me@example.org", "mail me@example.org"),
    ],
)
def test_urls_in_texts_are_shown_without_secrets(text: str, shown: str) -> None:
    assert mask_text(text) == shown
    assert mask_text(shown) == shown
