"""Finds the key file that a setting names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vimesh.domain.errors import BadSetting

_CREDENTIAL: Final = "credential:"
"""In place of a folder: systemd has passed the file to the unit."""
_FOLDER: Final = "CREDENTIALS_DIRECTORY"


def key_file_of(text: str, flag: str, environment: Mapping[str, str]) -> Path:
    """Return the file for a path or `credential:NAME`. Raises BadSetting."""
    if not text.startswith(_CREDENTIAL):
        return Path(text)
    name = text.removeprefix(_CREDENTIAL)
    if not name or "/" in name or name in {".", ".."}:
        raise BadSetting(flag, f"{text} must be {_CREDENTIAL} and the name in LoadCredential=NAME:FILE")
    if not (folder := environment.get(_FOLDER)):
        what = f"{text} needs ${_FOLDER}, which systemd sets in a unit with LoadCredential={name}:FILE"
        raise BadSetting(flag, what)
    return Path(folder, name)
