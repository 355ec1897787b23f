"""Reads and writes key files: one key per line, newest first; `#` starts a comment line.

A line is the key itself, or names one in a key manager: see `key_manager`.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path

from cryptography.fernet import Fernet

from vimesh.domain.errors import BadSetting
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_KEY_BYTES
from vimesh.files.read_files import read_text
from vimesh.store.rows.key_manager import SETTING, config_of, create_key, fetch_key, is_reference


def read_keys(path: Path) -> list[str]:
    """Return the keys of a file, unchecked. Raises BadSetting if one of them cannot be read."""
    return [fetch_key(line, path.parent) if is_reference(line) else line for line in read_lines(path)]


def read_lines(path: Path) -> list[str]:
    """Return the lines with a key in a file, unchecked. Raises BadSetting if it cannot be read."""
    try:
        lines = read_text(path, MAX_KEY_BYTES).split("\n")
    except FileNotFoundError as error:
        what = f"{path} cannot be read: {error.strerror}; create it with: vimesh db make-key {path}"
        raise BadSetting(SETTING, what) from error
    except OSError as error:
        raise BadSetting(SETTING, f"{path} cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(SETTING, f"{path}: {error}") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def make_key() -> str:
    return Fernet.generate_key().decode()


def make_key_like(line: str, path: Path) -> str:
    """Return the line of a new key that is kept where that of another line of the file is. Raises BadSetting."""
    return create_key(config_of(line), path.parent) if is_reference(line) else make_key()


def make_key_file(path: Path, *, castellan: Path | None = None) -> bool:
    """Create a key file that only its owner can read. Return False, and leave the file alone, if it exists.

    `castellan`: the configuration file of a key manager, in which the key is created; None: the file holds the key.
    Safe to call from several processes at once: all of them find the same complete file. Raises BadSetting.
    """
    if path.exists():
        return False
    key = create_key(str(castellan.absolute()), path.parent) if castellan else make_key()
    try:
        with _complete_file(path.parent, [key]) as new_file:
            # A link never replaces a file: the second process discards its key before anything is encrypted with it.
            path.hardlink_to(new_file)
    except FileExistsError:
        return False
    except OSError as error:
        raise BadSetting(SETTING, f"{path} cannot be made: {error.strerror}") from error
    return True


def replace_keys(path: Path, keys: list[str]) -> None:
    """Replace the content of a key file at once, for the same owner and mode. Raises BadSetting."""
    # What a link leads to is replaced, not the link.
    path = path.resolve()
    try:
        before = path.stat()
        with _complete_file(path.parent, keys) as new_file:
            new_file.chmod(before.st_mode & 0o777)
            if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(new_file, before.st_uid, before.st_gid)
            new_file.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise BadSetting(SETTING, f"{path} cannot be replaced: {error.strerror}") from error


@contextlib.contextmanager
def _complete_file(folder: Path, keys: list[str]) -> Generator[Path]:
    """Write the keys into a new file, which is removed again if the block leaves it."""
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".key-")  # created with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.writelines(f"{key}\n" for key in keys)
            file.flush()
            os.fsync(file.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
