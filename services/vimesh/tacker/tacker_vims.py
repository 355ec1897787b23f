"""Builds VIMs from the rows of Tacker's database."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vimesh.domain.credential_masks import MASK, mask_text
from vimesh.domain.endpoints import AuthUrlInvalid, without_credentials
from vimesh.domain.vims import TYPES
from vimesh.files.file_errors import BadFile
from vimesh.files.json_values import read_json
from vimesh.tacker.credentials import Credentials, CredentialsReader, Stored
from vimesh.tacker.statements import MAX_COLUMN
from vimesh.tacker.tacker_database import Row
from vimesh.tacker.tacker_errors import CannotImport


@dataclass(frozen=True, slots=True)
class Named:
    """The fields that every row has, and that may be shown to everyone."""

    vim_id: str
    name: str
    project_id: str
    type: str
    auth_url: str
    """Without user name and password."""


@dataclass(frozen=True, slots=True)
class TackerVim:
    """A VIM as its user registered it."""

    named: Named
    description: str
    is_default: bool
    vim_project: Mapping[str, Any]
    placement_attr: Mapping[str, Any]
    extra: Mapping[str, Any]
    credentials: Credentials


def named(row: Row) -> Named:
    return Named(
        vim_id=_text(row["id"]).lower(),
        name=_text(row["name"]),
        project_id=_text(row["tenant_id"]),
        type=_text(row["type"]),
        auth_url=_shown(_text(row["auth_url"])),
    )


def vim_of(row: Row, credentials: CredentialsReader) -> TackerVim:
    """Build a VIM from its row. Raises CannotImport."""
    head = named(row)
    if row["auth_id"] is None:
        raise CannotImport("it has no row in the table vimauths, so its address is unknown")
    _require_bounded(row)
    if not _is_uuid(head.vim_id):
        raise CannotImport("its id is not a UUID")
    if head.type not in TYPES:
        raise CannotImport(f"its type is {head.type!r}; known types: {' and '.join(TYPES)}")
    _check_url(_text(row["auth_url"]))
    password = row["password"]
    return TackerVim(
        named=head,
        description=_text(row["description"]),
        is_default=bool(row["is_default"]),
        vim_project=_mapping(row, "vim_project"),
        placement_attr=_mapping(row, "placement_attr"),
        extra=_mapping(row, "extra"),
        credentials=credentials.read(
            Stored(
                vim_id=head.vim_id,
                type=head.type,
                password=None if password is None else _text(password),
                auth_cred=_mapping(row, "auth_cred"),
            )
        ),
    )


def _require_bounded(row: Row) -> None:
    """Raise CannotImport for a column that was cut when it was read."""
    for column, value in row.items():
        if isinstance(value, str | bytes) and len(value) > MAX_COLUMN:
            raise CannotImport(f"its {column} is longer than {MAX_COLUMN} characters")


def _text(value: object) -> str:
    # Binary columns, which old releases have, are read as bytes.
    return value.decode(errors="replace") if isinstance(value, bytes) else str("" if value is None else value)


def _is_uuid(text: str) -> bool:
    # The id becomes the name of a key file: it must not lead to another folder.
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _mapping(row: Row, column: str) -> Mapping[str, Any]:
    """Parse a JSON column. Raises CannotImport, which shows nothing of the content: it may contain secrets."""
    value = row[column]
    try:
        found = read_json(_text(value)) if isinstance(value, str | bytes) else value
    except BadFile as error:
        if error.line is None:
            # It is JSON to most parsers, but breaks a limit or a stricter rule of ours.
            raise CannotImport(f"vimesh refuses it: its {column} {error}") from None
        raise CannotImport(
            f"its {column} is not JSON: the release of Tacker is too old, or the row is damaged"
        ) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise CannotImport(f"its {column} is not a JSON object")
    return found


def _check_url(auth_url: str) -> None:
    try:
        without_credentials(auth_url)
    except AuthUrlInvalid as error:
        # If the URL contains a password, the error may quote a part of it.
        why = "cannot be read" if "@" in auth_url else str(error)
        raise CannotImport(f"vimesh refuses its auth_url: {why}") from None


def _shown(auth_url: str) -> str:
    try:
        return without_credentials(auth_url)
    except AuthUrlInvalid:
        return MASK if "@" in auth_url else mask_text(auth_url)
