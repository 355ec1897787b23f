"""Builds what a login at Keystone sends, from credentials as Tacker's files and clouds.yaml name them.

Source: https://docs.openstack.org/api-ref/identity/v3/#authentication-and-token-management
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_PASSWORD: Final = frozenset({"", "password", "v3password"})
_APPLICATION_CREDENTIAL: Final = frozenset({"v3applicationcredential"})
_TOKEN: Final = frozenset({"token", "v3token"})
_DEFAULT_DOMAIN: Final = {"id": "default"}
"""The one that Keystone makes itself, and that other clients assume, too."""

Fields = Mapping[str, object]


class LoginImpossible(Exception):
    """The credentials do not suffice for a login, or are of a kind that is not supported. The text has no values."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


NO_CREDENTIALS: Final = "NO_CREDENTIALS"
NOT_SUPPORTED: Final = "NOT_SUPPORTED"


def text_of(fields: Fields, *names: str) -> str:
    """Return the first of these fields that has a value, as text; empty if none has.

    In YAML, a password of digits without quotes is a number.
    """
    for name in names:
        value = fields.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(int(value)) if value == int(value) else str(value)
    return ""


def token_request(auth_cred: Fields, vim_project: Fields) -> bytes:
    """Return the body of the request for a token. Raises LoginImpossible."""
    kind = text_of(auth_cred, "auth_type")
    if kind in _APPLICATION_CREDENTIAL or (kind in _PASSWORD and text_of(auth_cred, "application_credential_secret")):
        return _body({"methods": ["application_credential"], "application_credential": _application(auth_cred)}, None)
    scope = _scope(auth_cred, vim_project)
    if kind in _TOKEN or (kind in _PASSWORD and not text_of(auth_cred, "password") and text_of(auth_cred, "token")):
        return _body({"methods": ["token"], "token": {"id": _required(auth_cred, "token")}}, scope)
    if kind not in _PASSWORD:
        raise LoginImpossible(NOT_SUPPORTED, "logins of this auth_type are not supported")
    user = {**_user(auth_cred), "password": _required(auth_cred, "password")}
    return _body({"methods": ["password"], "password": {"user": user}}, scope)


def _body(identity: Fields, scope: Fields | None) -> bytes:
    auth = {"identity": identity} | ({"scope": scope} if scope else {})
    return json.dumps({"auth": auth}).encode()


def _application(auth_cred: Fields) -> dict[str, Any]:
    secret = _required(auth_cred, "application_credential_secret")
    if number := text_of(auth_cred, "application_credential_id"):
        return {"id": number, "secret": secret}
    name = _required(auth_cred, "application_credential_name")
    return {"name": name, "secret": secret, "user": _user(auth_cred)}


def _user(auth_cred: Fields) -> dict[str, Any]:
    if number := text_of(auth_cred, "user_id"):
        return {"id": number}
    name = _required(auth_cred, "username")
    return {"name": name, "domain": _domain(auth_cred, "user_domain", "domain")}


def _scope(auth_cred: Fields, vim_project: Fields) -> dict[str, Any] | None:
    """Return what the token shall be for; None: what Keystone decides for the user."""
    if trust := text_of(auth_cred, "trust_id"):
        return {"OS-TRUST:trust": {"id": trust}}
    if number := text_of(vim_project, "id") or text_of(auth_cred, "project_id"):
        return {"project": {"id": number}}
    if name := text_of(vim_project, "name", "project_name") or text_of(auth_cred, "project_name"):
        domain = _domain({**auth_cred, **vim_project}, "project_domain", "domain", "user_domain")
        return {"project": {"name": name, "domain": domain}}
    if text_of(auth_cred, "system_scope"):
        return {"system": {"all": True}}
    if text_of(auth_cred, "domain_id", "domain_name"):
        return {"domain": _domain(auth_cred, "domain")}
    return None


def _domain(fields: Fields, *kinds: str) -> dict[str, str]:
    for kind in kinds:
        if number := text_of(fields, f"{kind}_id"):
            return {"id": number}
        if name := text_of(fields, f"{kind}_name"):
            return {"name": name}
    return _DEFAULT_DOMAIN


def _required(fields: Fields, name: str) -> str:
    if value := text_of(fields, name):
        return value
    raise LoginImpossible(NO_CREDENTIALS, f"the credentials have no {name}")
