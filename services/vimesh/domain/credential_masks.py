"""Masks credentials, so that they can be shown."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from vimesh.domain.errors import BadInput, Violation

MASK = "***"

_HARMLESS = frozenset(
    {
        "auth_url",
        "cert_verify",
        "client_id",
        "domain_id",
        "domain_name",
        "key_type",
        "oidc_token_url",
        "project_domain_id",
        "project_domain_name",
        "project_id",
        "project_name",
        "region",
        "region_name",
        "ssl_ca_cert",
        "type",
        "user_domain_id",
        "user_domain_name",
        "user_id",
        "username",
    },
)
_URLS = ("auth_url", "oidc_token_url")


def mask(credentials: Mapping[str, object]) -> dict[str, object]:
    """Return what may be shown: all names, but only those values that are known to be harmless."""
    return {key: _masked(key, value) for key, value in credentials.items()}


def _masked(key: str, value: object) -> object:
    if isinstance(value, Mapping):
        return mask(value)
    if key not in _HARMLESS or not isinstance(value, str | bool | int | float):
        return MASK
    return MASK if isinstance(value, str) and _holds_secret(key, value) else value


def _holds_secret(key: str, value: str) -> bool:
    # A key pasted along with a certificate, or user:password@ in a URL.
    if "PRIVATE KEY" in value:
        return True
    try:
        return key in _URLS and "@" in urlsplit(value).netloc
    except ValueError:
        return True


def unmask(
    credentials: Mapping[str, object],
    stored: Mapping[str, object],
    path: str = "vim.auth_cred",
) -> dict[str, object]:
    """Replace each `***` in the new credentials by the stored value. Raises BadInput if none is stored."""
    merged: dict[str, object] = {}
    for key, value in credentials.items():
        stored_value = stored.get(key)
        if isinstance(value, Mapping):
            merged[key] = unmask(value, stored_value if isinstance(stored_value, Mapping) else {}, f"{path}.{key}")
        elif value != MASK:
            merged[key] = value
        elif key in stored:
            merged[key] = stored_value
        else:
            raise BadInput(Violation(f"{path}.{key}", f"{MASK} keeps a stored value, but none is stored"))
    return merged


def has_mask(credentials: Mapping[str, object]) -> bool:
    """Return whether a stored value is needed to complete the credentials."""
    return any(has_mask(value) if isinstance(value, Mapping) else value == MASK for value in credentials.values())
