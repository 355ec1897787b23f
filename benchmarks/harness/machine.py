"""Describes the machine and the versions of the software, without host names and paths."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sys
from importlib import metadata
from pathlib import Path

_KIB_PER_GIB = 1024 * 1024


def describe() -> dict[str, str]:
    """Describe the machine. Call this before anything is measured."""
    return {
        "CPU": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{_memory_gib():.0f} GiB",
        "kernel": platform.release().split("-")[0],
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "Python": f"{platform.python_version()}, {_origin()}",
        "load by other work when it began": f"{os.getloadavg()[0]:.1f}",
    }


def versions(*distributions: str) -> dict[str, str]:
    """Return the versions of libraries in our own environment."""
    return {name: metadata.version(name) for name in distributions}


def versions_in(python: Path, *distributions: str) -> dict[str, str]:
    """Return the versions of libraries in another environment."""
    script = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    done = subprocess.run(
        [python, "-c", script, *distributions], capture_output=True, text=True, timeout=60, check=True
    )
    return dict(zip(distributions, done.stdout.split(), strict=True))


def sqlite_version() -> dict[str, str]:
    """Return the version of the library that Python's driver uses."""
    return {"SQLite": sqlite3.sqlite_version}


def debian_version(package: str) -> dict[str, str]:
    """Return the version of an installed Debian package."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, timeout=60, check=True
    )
    return {package: done.stdout}


def _origin() -> str:
    """Return where the interpreter comes from: how it was built matters, and Debian's does not report all of that."""
    return "the system's" if sys.base_prefix == "/usr" else "built apart from the system"


def _cpu_model() -> str:
    for row in Path("/proc/cpuinfo").read_text().splitlines():
        if row.startswith("model name"):
            return row.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    rows = dict(row.split(":", 1) for row in Path("/proc/meminfo").read_text().splitlines())
    return int(rows["MemTotal"].split()[0]) / _KIB_PER_GIB
