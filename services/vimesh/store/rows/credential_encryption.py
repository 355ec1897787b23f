"""Encrypts credentials with keys that are never stored in the database."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from vimesh.domain.errors import BadSetting
from vimesh.store.rows.key_files import read_keys
from vimesh.store.rows.key_manager import SETTING

_log = structlog.get_logger()


class Undecipherable(Exception):
    """None of the keys decrypts the stored value."""


class Cipher:
    """Encrypts with the first key and decrypts with any of them: add a new key before the old ones."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Check the keys. Raises BadSetting."""
        self._use(keys)

    def _use(self, keys: Sequence[str]) -> None:
        if not keys:
            raise BadSetting(SETTING, "holds no key")
        try:
            ciphers = [Fernet(key) for key in keys]
        except ValueError as error:
            raise BadSetting(SETTING, "each line must be a key of 32 bytes in URL-safe base64") from error
        self._first, self._any = ciphers[0], MultiFernet(ciphers)

    def encrypt(self, value: object) -> bytes:
        """Encrypt any value that JSON can represent."""
        return self.encrypt_many([value])[0]

    def encrypt_many(self, values: Iterable[object]) -> list[bytes]:
        """Encrypt values as `encrypt` does, all of them with the same key."""
        # One step after the other for all of them, for the caches of the core.
        contents = [json.dumps(value).encode() for value in values]
        first = self._first
        return [first.encrypt(content) for content in contents]

    def decrypt(self, token: bytes) -> object:
        """Decrypt a value. Raises Undecipherable."""
        try:
            return json.loads(self._any.decrypt(token))
        except (InvalidToken, ValueError) as error:
            raise Undecipherable from error

    def first_key(self) -> object:
        """Return what stands for the first key: another object as soon as there is another key."""
        return self._first

    def uses_first_key(self, token: bytes) -> bool:
        """Return whether the value is encrypted with the first key."""
        try:
            # Checks the signature only, which takes less time than decrypting.
            self._first.extract_timestamp(token)
        except InvalidToken:
            return False
        return True


class FileCipher(Cipher):
    """A cipher with the keys of a file: it takes over those of a changed file without a restart.

    Before it encrypts, it looks whether the file is another one, so that an encryption that starts after a change uses
    the new first key: `rotate_keys` relies on that, and what is encrypted before its transaction is
    checked in it by `first_key`. A file that cannot be used is ignored as long as it is so.
    """

    def __init__(self, path: Path) -> None:
        """Read the file. Raises BadSetting."""
        self._path = path
        self._lock = threading.Lock()
        self._file = _identity(path)
        super().__init__(read_keys(path))

    def encrypt_many(self, values: Iterable[object]) -> list[bytes]:
        self._follow()
        return super().encrypt_many(values)

    def decrypt(self, token: bytes) -> object:
        try:
            return super().decrypt(token)
        except Undecipherable:
            self._follow()
            return super().decrypt(token)

    def first_key(self) -> object:
        self._follow()
        return super().first_key()

    def _follow(self) -> None:
        # Other threads wait until the new keys are there: they must not go on with the old ones.
        with self._lock:
            if (file := _identity(self._path)) == self._file:
                return
            self._file = file
            try:
                self._use(read_keys(self._path))
            except BadSetting as error:
                _log.warning("the changed key file cannot be used: the keys stay as they were", error=str(error))
            else:
                _log.info("took over the keys of the changed key file")


def _identity(path: Path) -> object:
    """Return what differs after each change of the file."""
    try:
        stat = path.stat()
    except OSError as error:
        return error.errno
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
