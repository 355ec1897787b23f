"""Seals what may be secret of a VIM: its columns hold what may be shown, and one column all of that, encrypted.

The sealed content is `auth_cred`, as earlier versions read it; or a list of `auth_cred` and, by name, each free-form
field that holds a secret.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from vimesh.domain.credential_masks import mask, mask_secrets, put_back, require_no_mask, unmask
from vimesh.domain.views.vantages import require_monitors
from vimesh.domain.vims import Modification, Registration
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.visible_rows import Row

SECRETS: Final = "secrets"
"""The column of the sealed content."""
FREE_FORM: Final = ("vim_project", "placement_attr", "extra")
SECRET_FIELDS: Final = ("auth_cred", *FREE_FORM)
"""The fields that may hold secrets."""

Fields = Mapping[str, Mapping[str, object]]
"""The values of all SECRET_FIELDS, by name."""


def require_complete(registration: Registration) -> None:
    """Raise BadInput for a `***`, since no value is stored yet, and for vantages that its engine does not have."""
    require_monitors(registration.engine, registration.policy)
    unmask(registration.auth_cred, {})
    for name in FREE_FORM:
        require_no_mask(getattr(registration, name), f"vim.{name}")


def shown_columns(fields: Fields) -> dict[str, dict[str, object]]:
    """Return what the columns of these fields hold: their values without secrets."""
    return {name: mask(value) if name == "auth_cred" else mask_secrets(value) for name, value in fields.items()}


def seal(fields: Fields, cipher: Cipher) -> bytes:
    """Return the sealed content of a VIM."""
    return cipher.encrypt(_content(fields, shown_columns(fields)))


def columns_of_registration(registration: Registration, cipher: Cipher) -> dict[str, Any]:
    """Return all columns of a new VIM that have to do with secrets: what may be shown, and the sealed content."""
    shown, content = shown_and_content(registration)
    return {**shown, SECRETS: cipher.encrypt(content)}


def shown_and_content(registration: Registration) -> tuple[dict[str, dict[str, object]], object]:
    """Return what may be shown of a new VIM, by column, and what is to be sealed."""
    fields: Fields = {name: getattr(registration, name) for name in SECRET_FIELDS}
    shown = shown_columns(fields)
    return shown, _content(fields, shown)


def gives_secrets(modification: Modification) -> bool:
    """Return whether a modification may replace secrets."""
    return any(getattr(modification, name) is not None for name in SECRET_FIELDS)


def unseal(row: Row, cipher: Cipher) -> dict[str, Mapping[str, object]]:
    """Return the fields of a stored VIM with their secrets. Raises Undecipherable."""
    content = cipher.decrypt(row[SECRETS])
    auth_cred, sealed = content if isinstance(content, list) else (content, {})
    # An earlier version may have changed a column since: what the column shows counts, and gets its secrets back.
    return {"auth_cred": auth_cred, **{name: put_back(row[name], sealed.get(name, {})) for name in FREE_FORM}}


def is_sealed_alike(left: Fields, right: Fields) -> bool:
    """Return whether two states of a VIM have the same sealed content."""
    return is_same_json(_content(left, shown_columns(left)), _content(right, shown_columns(right)))


def is_same_json(left: object, right: object) -> bool:
    # Compared as text: in Python, True equals 1.
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _content(fields: Fields, shown: Fields) -> object:
    auth_cred = dict(fields["auth_cred"])
    sealed = {name: dict(value) for name in FREE_FORM if (value := fields[name]) and shown[name] != value}
    return [auth_cred, sealed] if sealed else auth_cred
