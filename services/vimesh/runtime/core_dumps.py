"""Keeps the memory of a process, which may hold keys and passwords, out of files."""

from __future__ import annotations

import ctypes
import resource
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def forbid_core_dumps() -> None:
    """Make sure that this process never dumps its memory, and that only root can attach to it.

    The limit also holds for the programs that it starts. The kernel ignores the limit where it pipes dumps to a
    program, such as systemd-coredump, but not the flag, which each program sets for itself. Tools of root (py-spy,
    strace, gdb) work as before. Raises OSError if the kernel refuses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_DUMPABLE) was refused")
