"""Encrypts credentials with keys that are never stored in the database."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Generator, Sequence
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from vimesh.domain.errors import BadSetting
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_KEY_BYTES
from vimesh.files.read_files import read_text

SETTING = "key_file"


class Undecipherable(Exception):
    """None of the keys decrypts the stored value."""


class Cipher:
    """Encrypts with the first key and decrypts with any of them: add a new key before the old ones."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Check the keys. Raises BadSetting."""
        if not keys:
            raise BadSetting(SETTING, "holds no key")
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError as error:
            raise BadSetting(SETTING, "each line must be a key of 32 bytes in URL-safe base64") from error

    def encrypt(self, value: object) -> bytes:
        """Encrypt any value that JSON can represent."""
        return self._fernet.encrypt(json.dumps(value).encode())

    def decrypt(self, token: bytes) -> object:
        """Decrypt a value. Raises Undecipherable."""
        try:
            return json.loads(self._fernet.decrypt(token))
        except (InvalidToken, ValueError) as error:
            raise Undecipherable from error


def cipher_from(path: Path) -> Cipher:
    """Read a key file: one key per line, newest first; `#` starts a comment line. Raises BadSetting."""
    try:
        lines = read_text(path, MAX_KEY_BYTES).split("\n")
    except OSError as error:
        raise BadSetting(SETTING, f"{path} cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(SETTING, f"{path}: {error}") from error
    return Cipher([line.strip() for line in lines if line.strip() and not line.startswith("#")])


def make_key_file(path: Path) -> bool:
    """Create a key file that only its owner can read. Return False, and leave the file alone, if it exists.

    Safe to call from several processes at once: all of them find the same complete file. Raises BadSetting.
    """
    if path.exists():
        return False
    try:
        with _complete_file(path.parent, Fernet.generate_key() + b"\n") as new_file:
            # A link never replaces a file: the second process discards its key before anything is encrypted with it.
            path.hardlink_to(new_file)
    except FileExistsError:
        return False
    except OSError as error:
        raise BadSetting(SETTING, f"{path} cannot be made: {error.strerror}") from error
    return True


@contextlib.contextmanager
def _complete_file(folder: Path, content: bytes) -> Generator[Path]:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".key-")  # created with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        Path(name).unlink()
