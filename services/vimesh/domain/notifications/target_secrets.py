"""Masks the secrets of targets, and puts back what a user has sent masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlsplit

from vimesh.domain.credential_masks import MASK, mask_text
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.notifications.targets import Target, WebhookTarget, kind_of

_SECRETS: Final = ("password", "bearer_token", "signing_secret")
_HEADERS: Final = "headers"
_ADDRESSES: Final = ("url", "urls", "smtp_host", "smtp_port")
"""Where secrets are sent to."""
_URLS: Final = ("url", "urls", "console_url")


def mask_target(target: Target) -> Target:
    """Return what may be shown of a target."""
    changes: dict[str, Any] = {name: MASK for name in _SECRETS if getattr(target, name, "")}
    if headers := getattr(target, _HEADERS, None):
        changes[_HEADERS] = dict.fromkeys(headers, MASK)
    for name in _URLS:
        value = getattr(target, name, "")
        changes |= (
            {name: _each(value, _mask_webhook if isinstance(target, WebhookTarget) else mask_text)} if value else {}
        )
    return replace(target, **changes)


def unmask_target(target: Target, stored: Target | None) -> Target:
    """Replace what is shown masked of the stored target by what it stands for. Raises BadInput.

    The address must be the stored one, and so must who may claim to be there: otherwise whoever may change a receiver
    could have its secrets sent to himself.
    """
    path = f"receiver.{kind_of(target)}"
    if stored is None or type(stored) is not type(target) or stored.ssl_ca_cert != target.ssl_ca_cert:
        return _require_no_mask(target, path)
    shown = mask_target(stored)
    target = replace(
        target,
        **{
            name: getattr(stored, name)
            for name in _URLS
            if getattr(target, name, None) and getattr(target, name) == getattr(shown, name)
        },
    )
    if any(getattr(target, name, None) != getattr(stored, name, None) for name in _ADDRESSES):
        return _require_no_mask(target, path)
    changes: dict[str, Any] = {
        name: getattr(stored, name) for name in _SECRETS if getattr(target, name, "") == MASK and getattr(stored, name)
    }
    if headers := getattr(target, _HEADERS, None):
        known = getattr(stored, _HEADERS)
        changes[_HEADERS] = {name: known.get(name, MASK) if value == MASK else value for name, value in headers.items()}
    return _require_no_mask(replace(target, **changes), path)


def has_secrets(target: Target) -> bool:
    """Return whether anything secret is sent along with a notification, but for the URL itself."""
    return any(getattr(target, name, "") for name in (*_SECRETS[:2], _HEADERS))


def _require_no_mask(target: Target, path: str) -> Target:
    masked = [name for name in _SECRETS if getattr(target, name, "") == MASK]
    masked += [name for name in _URLS if MASK in "".join(getattr(target, name, ""))]
    masked += [_HEADERS] if MASK in getattr(target, _HEADERS, {}).values() else []
    if masked:
        text = f"{MASK} keeps a stored value, but none is stored for this address and ssl_ca_cert"
        raise BadInput(*(Violation(f"{path}.{name}", text) for name in masked))
    return target


def _each(value: Any, function: Any) -> Any:  # noqa: ANN401 - one URL or several
    return function(value) if isinstance(value, str) else tuple(map(function, value))


def _mask_webhook(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{MASK}"
