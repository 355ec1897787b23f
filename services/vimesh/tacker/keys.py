"""Reads the Fernet keys that Tacker keeps as files: one for each VIM, named after its id."""

from __future__ import annotations

from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_KEY_BYTES
from vimesh.files.read_files import read_whole
from vimesh.tacker.tacker_errors import CannotImport


class WrongKey(Exception):
    """The key does not decrypt the token."""


class Key:
    def __init__(self, fernet: Fernet) -> None:
        self._fernet = fernet

    def open(self, token: str) -> str:
        """Decrypt a token. Raises WrongKey."""
        try:
            return self._fernet.decrypt(token.encode()).decode()
        except (InvalidToken, ValueError):
            # ValueError: not a text. The chain is cut because the error would show a part of it.
            raise WrongKey from None


class KeyFolder:
    """The folder `[vim_keys] openstack` of tacker.conf, or a copy of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path_of(self, vim_id: str) -> Path:
        return self._folder / vim_id

    def has(self, vim_id: str) -> bool:
        return self.path_of(vim_id).exists()

    def key_of(self, vim_id: str) -> Key:
        """Read the key of a VIM. Raises CannotImport, which names the file."""
        path = self.path_of(vim_id)
        try:
            content = read_whole(path, MAX_KEY_BYTES)
        except FileNotFoundError:
            raise CannotImport(
                f"its key file {path} is missing: copy it from the Tacker server that registered the VIM"
            ) from None
        except OSError as error:
            raise CannotImport(f"its key file {path} cannot be read: {error.strerror}") from None
        except BadFile as error:
            raise CannotImport(f"its key file {path} {error}") from None
        try:
            return Key(Fernet(content.strip()))
        except ValueError:
            raise CannotImport(
                f"its key file {path} holds no Fernet key: copy it again from the Tacker server"
            ) from None
