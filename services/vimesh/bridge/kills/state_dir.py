"""Stores the revision up to which a bridge has killed all unwanted actions."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import structlog

from vimesh.domain.errors import BadSetting
from vimesh.files.file_errors import BadFile
from vimesh.files.read_files import read_text

_log = structlog.get_logger()

SETTING = "--state-dir"
_MAX_BYTES = 64
_MAX_REVISION = 2**63 - 1


class StateDir:
    """A folder that only one bridge uses at a time."""

    def __init__(self, path: Path) -> None:
        self._file = path / "revision"
        self._stored_revision = 0

    def read(self) -> int:
        """Return the stored revision; 0 if it is missing or unreadable."""
        try:
            self._stored_revision = _revision(read_text(self._file, _MAX_BYTES))
        except FileNotFoundError:
            return 0
        except (OSError, BadFile, ValueError) as error:
            _log.warning("the stored revision cannot be read: beginning with the list", why=repr(error))
            return 0
        return self._stored_revision

    def write(self, revision: int) -> None:
        """Store the revision if it has changed. A failure is logged, and not retried before the next change."""
        if revision == self._stored_revision:
            return
        scratch = self._file.with_suffix(".new")
        try:
            scratch.write_text(f"{revision}\n", encoding="ascii")
            scratch.replace(self._file)
        except OSError as error:
            _log.warning("the revision cannot be stored", why=error.strerror)
        self._stored_revision = revision


def _revision(text: str) -> int:
    """Parse a revision. Raises ValueError for a number that no store can have reached."""
    if 0 <= (revision := int(text)) <= _MAX_REVISION:
        return revision
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
