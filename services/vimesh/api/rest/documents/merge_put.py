"""Merges a PUT into the nested attributes: as in Tacker, keys that it does not name stay unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Keys that an answer copies from other attributes: when a client sends them back, they are not stored again.
REPEATED: Final = ("auth_url", "project_id", "project_name", "project_domain_name", "key_type", "secret_uuid")

_OIDC: Final = ("oidc_token_url", "client_id", "client_secret")
_LOGIN: Final = ("username", "password")
_TOKEN: Final = ("bearer_token",)


def without_repeated(credentials: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in credentials.items() if key not in REPEATED}


def merge(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `stored` with `changes` merged over it, level by level."""
    result = dict(stored)
    for key, value in changes.items():
        before = result.get(key)
        both = isinstance(before, Mapping) and isinstance(value, Mapping)
        result[key] = merge(before, value) if both else value  # type: ignore[arg-type]  # both are mappings
    return result


def merge_credentials(stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the credentials after a PUT; `***` in them stands for the stored value.

    A new way to log in replaces the previous one: a token is of no use next to a new password.
    """
    named = {key: value for key, value in without_repeated(changes).items() if value is not None}
    superseded: tuple[str, ...] = ()
    if "oidc_token_url" in named:
        superseded = _TOKEN
    elif all(key in named for key in _LOGIN):
        superseded = (*_TOKEN, *_OIDC)
    elif "bearer_token" in named:
        superseded = (*_LOGIN, *_OIDC)
    return merge({key: value for key, value in stored.items() if key not in superseded}, named)
