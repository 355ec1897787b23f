"""Puts the secrets in place that a file names instead of holding them: environment variables and other files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from vimesh.cli.input.field_names import TACKERS
from vimesh.cli.input.vim_entry import RejectedEntry
from vimesh.files.file_errors import BadFile
from vimesh.files.read_files import read_text

_VARIABLE: Final = "from_env"
_FILE: Final = "from_file"
_CREDENTIALS: Final = "auth_cred"
_MAX_BYTES: Final = 16384
"""Of a file with a secret, or with a certificate."""


def with_secrets(content: Mapping[object, object], folder: Path) -> Mapping[object, object]:
    """Return the fields of a VIM with each credential that is named, such as `password: {from_env: LAB_PASSWORD}`.

    `folder`: what the paths of files are relative to. Raises RejectedEntry.
    """
    filled = {key: _value(str(key), value, folder) if key in TACKERS else value for key, value in content.items()}
    credentials = content.get(_CREDENTIALS)
    if isinstance(credentials, Mapping):
        filled[_CREDENTIALS] = {
            key: _value(f"{_CREDENTIALS}.{str(key)[:50]}", value, folder) for key, value in credentials.items()
        }
    return filled


def _value(path: str, value: object, folder: Path) -> object:
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    [(kind, name)] = value.items()
    if kind not in (_VARIABLE, _FILE):
        return value
    if not isinstance(name, str) or not name:
        raise RejectedEntry(f"{path}.{kind} must be a string")
    return _of_variable(path, name) if kind == _VARIABLE else _of_file(path, folder / name)


def _of_variable(path: str, name: str) -> str:
    # An empty one is mostly a mistake of the shell, and would replace a password by none.
    if not (value := os.environ.get(name, "")):
        raise RejectedEntry(f"{path}: the environment variable {name[:100]} is not set")
    return value


def _of_file(path: str, file: Path) -> str:
    try:
        value = read_text(file, _MAX_BYTES).strip("\r\n")
    except OSError as error:
        raise RejectedEntry(f"{path}: {file} cannot be read: {error.strerror}") from None
    except BadFile as error:
        raise RejectedEntry(f"{path}: {file}: {error}") from None
    if not value:
        raise RejectedEntry(f"{path}: {file} is empty")
    return value
