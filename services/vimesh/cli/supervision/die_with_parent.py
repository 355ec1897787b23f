"""Runs a command that dies with its parent: `python die_with_parent.py PARENT_PID COMMAND...`.

A script of its own, run before the command takes its place: code between fork and exec in a process that has threads
may hang, and Envoy has no such option. Nothing of vimesh is imported here: it is on the way of every start.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_FILES = 20_000


def main() -> None:
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        # It died before we could ask to be told.
        sys.exit(1)
    _allow_connections()
    # Python ignores it, and what follows would inherit that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - the command of the parent


def _allow_connections() -> None:
    """Allow as many open files as the machine lets us have, up to what Envoy's limits of connections ask for."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if most == resource.RLIM_INFINITY else min(_FILES, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


if __name__ == "__main__":
    main()
