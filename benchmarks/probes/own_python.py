"""Runs a module of ours in another process, wherever that starts."""

from __future__ import annotations

import os
import sys


def own_python(module: str, *arguments: str) -> list[str]:
    """Return the command line. It finds the same modules as this process."""
    return ["env", f"PYTHONPATH={os.pathsep.join(sys.path)}", sys.executable, "-m", module, *arguments]
