"""Makes files that others see complete or not at all, and that only their owner may read."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch_file(target: Path) -> Generator[Path]:
    """Yield an empty file in the folder of `target`, which is removed at the end unless it was put in place.

    Raises OSError.
    """
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")  # created with mode 0600
    os.close(descriptor)
    scratch = Path(name)
    try:
        yield scratch
    finally:
        # SQLite may leave its own files beside one that it had open.
        for suffix in ("", "-journal", "-wal", "-shm"):
            scratch.with_name(scratch.name + suffix).unlink(missing_ok=True)


def put_in_place(scratch: Path, target: Path, *, overwrite: bool) -> None:
    """Give a file that was written its name, once it is on the disk. Raises OSError, FileExistsError."""
    _sync(scratch)
    if overwrite:
        scratch.replace(target)
    else:
        # Unlike a rename, it never replaces what somebody else has made meanwhile.
        target.hardlink_to(scratch)
        scratch.unlink()
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
