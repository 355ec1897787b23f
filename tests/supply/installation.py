"""Installs the wheel into environments of its own, with uv, as users do with pip or pipx."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from tests.supply.locks import ROOT
from tests.support.callers.commands import Ended, clean_environment
from tests.support.callers.running import Fleet, Running, fleet, running

UV = ROOT / ".cache/supply/bin/uv"
_INSTALL_S = 600
"""Limit of an installation: 100 MB come through the network, and only the first time."""
_CALL_S = 240


@dataclass(frozen=True)
class Installation:
    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    @property
    def program(self) -> Sequence[Path]:
        return [self.folder / "bin/vimesh"]

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs so that nothing of this checkout is in reach. Old packages may warn."""
        return {"PYTHONPATH": "", "PYTHONWARNINGS": ""}

    def __call__(self, folder: Path, *arguments: str, **environment: str) -> Ended:
        """Run the command in a folder."""
        return _call([*self.program, *arguments], folder, clean_environment(**self.environment, **environment))

    def running(self, folder: Path, *arguments: str) -> AbstractContextManager[Running]:
        return running(folder, *arguments, program=self.program, **self.environment)

    def running_fleet(self, folder: Path, *arguments: str) -> AbstractContextManager[Fleet]:
        return fleet(folder, *arguments, program=self.program, **self.environment)

    def site(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found


def build(kind: str, source: Path, into: Path) -> Path:
    """Return the `wheel` or `sdist` of a source tree."""
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", into], cwd=source, check=True)
    (made,) = into.iterdir()
    return made


def install(folder: Path, wheel: Path, extra: str, resolution: str) -> Installation:
    """Install the wheel with an extra, and for what it needs the `highest` or `lowest-direct` versions that it allows.

    Takes wheels only: an older version must be one that comes without a compiler.
    """
    installation = Installation(folder)
    _uv("venv", "--quiet", "--python", sys.executable, str(folder))
    how = ["--python", str(installation.python), "--only-binary", ":all:", "--resolution", resolution]
    if resolution == "lowest-direct":
        # What a wheel needs does not count as direct.
        _uv("pip", "install", "--quiet", *how, "-r", "pyproject.toml", "--extra", extra)
    _uv("pip", "install", "--quiet", *how, f"vimesh[{extra}] @ {wheel.as_uri()}")
    return installation


def _uv(*arguments: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    subprocess.run([UV, *arguments], cwd=ROOT, env=environment, check=True, timeout=_INSTALL_S)


def _call(command: Sequence[str | Path], folder: Path, environment: dict[str, str]) -> Ended:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_CALL_S, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr)
