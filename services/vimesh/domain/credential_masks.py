"""Masks secrets, so that the rest can be shown, and puts back what a user has sent masked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_plus, urlsplit

from vimesh.domain.errors import BadInput, Violation

MASK: Final = "***"

_HARMLESS: Final = frozenset(
    {
        "auth_type",
        "auth_url",
        "cert_verify",
        "client_cert",
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
_URLS: Final = ("auth_url", "oidc_token_url")
_SECRET_PARTS: Final = (
    *("password", "passwd", "passphrase", "passcode", "secret", "token", "credential", "authorization", "authcred"),
    *(
        "apikey",
        "accesskey",
        "privatekey",
        "clientkey",
        "sshkey",
        "signingkey",
        "encryptionkey",
        "fernetkey",
        "hmackey",
    ),
    *("bearer", "cookie", "sessionid", "signature", "kubeconfig", "certificatekey", "keydata"),
)
_SECRET_WORDS: Final = frozenset({"pass", "pwd", "passwort", "pw", "pin", "otp", "jwt", "sig"})
_QUERY_SECRETS: Final = frozenset({"key", "code", "auth"})
"""Names that mean a secret in the query of a URL, and often anything else in a mapping."""
_PLAIN_ENDINGS: Final = frozenset({"url", "uri", "type", "path", "file"})
"""Last words of names whose values say where or of what kind a secret is."""
_LONGEST_NAME: Final = 200
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# A name ends at a separator, and a match starts behind one: so neither is read twice.
_USER_INFO = re.compile(r"://([^/?#\s:@]*+:)?[^/?#\s]*@")
_PARAMETER = re.compile(r"""(?<![^?&;#\s])([^?&;#=\s]++)=("[^"&;]*"|'[^'&;]*'|[^&;#\s]+)""")


class MaskedValues(dict[str, object]):
    """A free-form field without its secrets, which many VIMs may share, and nobody changes."""

    __slots__ = ("serialized",)

    serialized: bytes
    """The same as a message; not set before somebody has made one."""


def mask(credentials: Mapping[str, object]) -> dict[str, object]:
    """Return what may be shown of credentials: all names, but only those values that are known to be harmless."""
    return {key: _masked(key, value) for key, value in credentials.items()}


def _masked(key: str, value: object) -> object:
    # Texts come first: they are most of what there is, and asking for a Mapping takes several times as long.
    if isinstance(value, str):
        return MASK if key not in _HARMLESS or _holds_secret(key, value) else value
    if isinstance(value, Mapping):
        return mask(value)
    return value if key in _HARMLESS and isinstance(value, bool | int | float) else MASK


def _holds_secret(key: str, value: str) -> bool:
    # A key pasted along with a certificate, user:password@ or ?token= in a URL.
    if "PRIVATE KEY" in value or mask_text(value) != value:
        return True
    try:
        return key in _URLS and "@" in urlsplit(value).netloc
    except ValueError:
        return True


def mask_secrets(values: Mapping[str, object]) -> dict[str, object]:
    """Return what may be shown of a free-form field: values whose names, or content, tell a secret are masked.

    A list with a secret in it is masked as a whole, so that each mask has a name to which its value belongs.
    """
    return {key: _shown(key, value) for key, value in values.items()}


def _shown(key: str, value: object) -> object:
    # Texts come first, as in `_masked`.
    if isinstance(value, str):
        return MASK if names_secret(key) or "PRIVATE KEY" in value else mask_text(value)
    if isinstance(value, Mapping):
        return mask(value) if names_secret(key) else mask_secrets(value)
    if names_secret(key):
        return MASK
    return MASK if isinstance(value, list) and [_shown("", one) for one in value] != value else value


def names_secret(name: str) -> bool:
    """Return whether values of this name are secret: `client_secret`, `apiKey`, `X-Auth-Token`."""
    # The names come from users: only short ones are worth a place in the cache.
    return _names_secret(name) if len(name) <= _LONGEST_NAME else _judge_name(name)


def _judge_name(name: str) -> bool:
    if name in _HARMLESS:
        return False
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or words[-1] in _PLAIN_ENDINGS:
        return False
    joined = "".join(words)
    return any(part in joined for part in _SECRET_PARTS) or not _SECRET_WORDS.isdisjoint(words)


_names_secret = lru_cache(maxsize=2048)(_judge_name)


def mask_text(text: str) -> str:
    """Mask the secrets in a text: passwords in URLs, and parameters such as `?user=a&token=b` or `password=c`."""
    if "://" in text and "@" in text:
        # A user info without a colon may be a token.
        text = _USER_INFO.sub(lambda match: f"://{match[1] or ''}{MASK}@", text)
    return _PARAMETER.sub(_shown_parameter, text) if "=" in text else text


def _shown_parameter(match: re.Match[str]) -> str:
    name = unquote_plus(match[1])
    in_url = match.start() > 0 and match.string[match.start() - 1] in "?&"
    is_secret = names_secret(name) or (in_url and name.lower() in _QUERY_SECRETS)
    return f"{match[1]}={MASK}" if is_secret else match[0]


def unmask(
    credentials: Mapping[str, object],
    stored: Mapping[str, object],
    path: str = "vim.auth_cred",
) -> dict[str, object]:
    """Replace each `***` in the new credentials by the stored value. Raises BadInput if none is stored."""
    merged: dict[str, object] = {}
    for key, value in credentials.items():
        stored_value = stored.get(key)
        if not isinstance(value, str) and isinstance(value, Mapping):
            merged[key] = unmask(value, stored_value if isinstance(stored_value, Mapping) else {}, f"{path}.{key}")
        elif value != MASK:
            merged[key] = value
        elif key in stored:
            merged[key] = stored_value
        else:
            raise _nothing_stored(f"{path}.{key}")
    return merged


def put_back(shown: Mapping[str, object], stored: Mapping[str, object]) -> dict[str, object]:
    """Replace each value that shows a stored one, masked, by the stored one: the reverse of `mask_secrets`."""
    return _put_back(shown, stored, mask_secrets(stored))


def _put_back(
    shown: Mapping[str, object], stored: Mapping[str, object], masked: Mapping[str, object]
) -> dict[str, object]:
    result = dict(shown)
    for key, value in shown.items():
        if isinstance(value, Mapping):
            inner, masked_inner = stored.get(key), masked.get(key)
            if isinstance(inner, Mapping) and isinstance(masked_inner, Mapping):
                result[key] = _put_back(value, inner, masked_inner)
        elif isinstance(value, str) and key in stored and value == masked[key]:
            result[key] = stored[key]
    return result


def holds_mask(value: object) -> bool:
    """Return whether a mask stands for any stored value."""
    if isinstance(value, str):
        return value == MASK or _is_masked_url(value)
    if isinstance(value, Mapping):
        return any(map(holds_mask, value.values()))
    return isinstance(value, list) and any(map(holds_mask, value))


def require_no_mask(values: Mapping[str, object], path: str) -> None:
    """Raise BadInput for a mask in the place of a secret: it would be stored in its stead."""
    for key, value in values.items():
        _require_no_mask(key, value, f"{path}.{key}")


def _require_no_mask(key: str, value: object, path: str) -> None:
    if isinstance(value, str):
        if MASK in value and ((value == MASK and names_secret(key)) or _is_masked_url(value)):
            raise _nothing_stored(path)
    elif isinstance(value, Mapping):
        require_no_mask(value, path)
    elif isinstance(value, list):
        for one in value:
            _require_no_mask(key, one, path)


def _is_masked_url(value: str) -> bool:
    return "://" in value and (f"{MASK}@" in value or f"={MASK}" in value)


def _nothing_stored(path: str) -> BadInput:
    return BadInput(Violation(path, f"{MASK} keeps a stored value, but none is stored"))
