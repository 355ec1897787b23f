"""Credentials as people's files have them become what Keystone asks for."""

from __future__ import annotations

import json

import pytest

from vimesh.monitor.logins.clouds.keystone_login import tokens_path
from vimesh.monitor.logins.clouds.token_request import LoginImpossible, token_request

TACKER = {"username": "ann", "password": "kiwi", "user_domain_name": "Default", "cert_verify": "True"}
DEFAULT = {"id": "default"}


def asked(auth_cred: dict[str, object], vim_project: dict[str, object] | None = None) -> dict[str, object]:
    auth: dict[str, object] = json.loads(token_request(auth_cred, vim_project or {}))["auth"]
    return auth


def scope_of(auth_cred: dict[str, object], vim_project: dict[str, object]) -> object:
    return asked({**TACKER, **auth_cred}, vim_project).get("scope")


def test_a_file_of_tacker() -> None:
    assert asked({**TACKER}, {"name": "blue", "project_domain_name": "Red"}) == {
        "identity": {
            "methods": ["password"],
            "password": {"user": {"name": "ann", "domain": {"name": "Default"}, "password": "kiwi"}},
        },
        "scope": {"project": {"name": "blue", "domain": {"name": "Red"}}},
    }


def test_a_password_of_digits_is_a_number_in_yaml() -> None:
    auth = json.dumps(asked({"username": 7.0, "password": 1234.0}))

    assert '"password": "1234"' in auth
    assert '"name": "7"' in auth


def test_each_scope() -> None:
    assert scope_of({}, {"id": "p1", "name": "blue"}) == {"project": {"id": "p1"}}
    assert scope_of({}, {"name": "blue"}) == {"project": {"name": "blue", "domain": {"name": "Default"}}}
    assert scope_of({"project_name": "blue", "project_domain_id": "d1"}, {}) == {
        "project": {"name": "blue", "domain": {"id": "d1"}}
    }
    assert scope_of({"trust_id": "t1"}, {"name": "blue"}) == {"OS-TRUST:trust": {"id": "t1"}}
    assert scope_of({"system_scope": "all"}, {}) == {"system": {"all": True}}
    assert scope_of({"domain_name": "red"}, {}) == {"domain": {"name": "red"}}
    assert scope_of({}, {}) is None


def test_an_application_credential_has_its_scope_already() -> None:
    assert asked({"application_credential_id": "a1", "application_credential_secret": "fig"}, {"name": "blue"}) == {
        "identity": {"methods": ["application_credential"], "application_credential": {"id": "a1", "secret": "fig"}}
    }


def test_a_token_is_exchanged() -> None:
    assert asked({"token": "plum"})["identity"] == {"methods": ["token"], "token": {"id": "plum"}}


@pytest.mark.parametrize(
    ("auth_cred", "reason"),
    [
        ({}, "NO_CREDENTIALS"),
        ({"username": "ann"}, "NO_CREDENTIALS"),
        ({"password": "kiwi"}, "NO_CREDENTIALS"),
        ({"password": True, "username": "ann"}, "NO_CREDENTIALS"),
        ({"application_credential_secret": "kiwi"}, "NO_CREDENTIALS"),
        ({**TACKER, "auth_type": "v2password"}, "NOT_SUPPORTED"),
        ({**TACKER, "auth_type": "v3oidcpassword"}, "NOT_SUPPORTED"),
    ],
)
def test_what_cannot_log_in_is_said_without_values(auth_cred: dict[str, object], reason: str) -> None:
    with pytest.raises(LoginImpossible) as raised:
        token_request(auth_cred, {})

    assert raised.value.reason == reason
    assert "kiwi" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v3", "/v3/auth/tokens"),
        ("/", "/v3/auth/tokens"),
        ("/v2.0/", "/v3/auth/tokens"),
        ("/identity", "/identity/v3/auth/tokens"),
        ("/identity/v3/?a=b", "/identity/v3/auth/tokens"),
    ],
)
def test_where_tokens_are_made(path: str, expected: str) -> None:
    assert tokens_path(path) == expected
