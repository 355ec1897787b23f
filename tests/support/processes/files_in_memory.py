"""Keeps the temporary files of tests in memory: on a disk, each commit waits for it, and for all who write to it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")
_NEEDED_BYTES: Final = 8 << 30
"""Much more than three workers fill, so that the programs that they start find memory, too."""


def keep_files_in_memory() -> None:
    """Let this process, and those that it starts, put temporary files into memory if there is room for them.

    Does nothing if TMPDIR is set already: `TMPDIR=/tmp make check` uses the disk. What a killed process has written
    stays in a file either way, and no test is about a machine that loses power.
    """
    if "TMPDIR" not in os.environ and _is_usable():
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def _is_usable() -> bool:
    # In a container it may be small, and may not hold programs, which tests put into their folders.
    if not os.access(_MEMORY, os.W_OK) or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return False
    return min(shutil.disk_usage(_MEMORY).free, _available_bytes()) >= _NEEDED_BYTES


def _available_bytes() -> int:
    """Return how much memory processes can still get."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 0)
