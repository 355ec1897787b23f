"""Stores the revision up to which a bridge has killed all unwanted actions, and the log that it is of."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from vimesh.domain.errors import BadSetting
from vimesh.domain.ids import is_id
from vimesh.files.file_errors import BadFile
from vimesh.files.read_files import read_text

_log = structlog.get_logger()

SETTING = "--state-dir"
_MAX_BYTES = 64
_MAX_REVISION = 2**63 - 1


@dataclass(frozen=True, slots=True)
class StoredRevision:
    number: int = 0
    """0: none, so start with the list."""
    log_id: str = ""
    """Empty if an earlier version stored it."""


class StateDir:
    """A folder that only one bridge uses at a time."""

    def __init__(self, path: Path) -> None:
        self._file = path / "revision"
        self._stored = StoredRevision()

    def read(self) -> StoredRevision:
        """Return the stored revision; 0 if it is missing or unreadable."""
        try:
            self._stored = _revision(read_text(self._file, _MAX_BYTES))
        except FileNotFoundError:
            return StoredRevision()
        except (OSError, BadFile, ValueError) as error:
            _log.warning("the stored revision cannot be read: beginning with the list", why=repr(error))
            return StoredRevision()
        return self._stored

    def write(self, revision: int, log_id: str) -> None:
        """Store the revision if it has changed. A failure is logged, and not retried before the next change."""
        if self._stored == (given := StoredRevision(revision, log_id)):
            return
        scratch = self._file.with_suffix(".new")
        try:
            scratch.write_text(f"{revision} {log_id}".rstrip() + "\n", encoding="ascii")
            scratch.replace(self._file)
        except OSError as error:
            _log.warning("the revision cannot be stored", why=error.strerror)
        self._stored = given


def _revision(text: str) -> StoredRevision:
    """Parse a revision and its log. Raises ValueError for a number that no store can have reached."""
    number, _, log_id = text.strip().partition(" ")
    if 0 <= int(number) <= _MAX_REVISION and (not log_id or is_id(log_id)):
        return StoredRevision(int(number), log_id)
    raise ValueError(f"not a revision: {text.strip()}")


@contextmanager
def state_dir(path: Path) -> Generator[StateDir]:
    """Create the folder if it is missing, and lock other bridges out until the block ends. Raises BadSetting."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadSetting(SETTING, f"{path} cannot be used: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BadSetting(SETTING, f"{path} is used by another bridge; give each one its own") from None
        yield StateDir(path)
    finally:
        os.close(lock)
