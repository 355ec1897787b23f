"""Installs peers that are measured next to us, and tools that measure them: on demand, and never in our environment."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.processes import ProcessFailed, run_to_end

ROOT = Path(__file__).parents[2]
_CACHE = ROOT / ".cache" / "bench"
_APT_INSTALL = ROOT / "deploy" / "apt-install"
_INSTALL_LIMIT_S = 600.0
_SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where Debian keeps servers; the PATH of a user may lack it."""


class PeerMissing(Exception):
    """A peer is missing and cannot be installed. The benchmark fails: without its peer it shows nothing."""


async def program(name: str, package: str) -> Path:
    """Return the path of a program, and install its Debian package first if necessary. Raises PeerMissing."""
    if (found := _find(name)) is None:
        await _run([str(_APT_INSTALL), package], what=package)
        found = _find(name)
    if found is None:
        raise PeerMissing(f"{package} was installed, but there is no {name}")
    return found


async def environment(name: str, requirements: Sequence[str]) -> Path:
    """Return the Python of an environment with these requirements, and create it if necessary. Raises PeerMissing."""
    folder = _CACHE / name
    ready = folder / "requirements"
    python = folder / "bin" / "python"
    wanted = "\n".join(requirements)
    if not ready.exists() or ready.read_text() != wanted:
        await asyncio.to_thread(venv.create, folder, with_pip=True, clear=True)
        await _run([str(python), "-m", "pip", "install", "--quiet", *requirements], what=name)
        ready.write_text(wanted)
    return python


def _find(name: str) -> Path | None:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_SYSTEM_PATH}")
    return Path(found) if found else None


async def _run(command: Sequence[str], *, what: str) -> None:
    sys.stderr.write(f"installing {what}\n")
    try:
        await run_to_end(command, within_s=_INSTALL_LIMIT_S)
    except ProcessFailed as error:
        raise PeerMissing(f"cannot install {what}: {error}") from None
