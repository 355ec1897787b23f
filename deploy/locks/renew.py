"""Writes the locks beside this file, as the table [tool.vimesh.locks] of pyproject.toml says.

Usage: `make lock`, which keeps the versions that still fit, or `make lock ARGS=--upgrade`, which takes the newest ones.
The locks hold for each platform and version of Python that vimesh runs on, and name no package index.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

LOCKS = Path(__file__).parent
ROOT = LOCKS.parents[1]


def renew(uv: Path, name: str, lock: dict[str, Any], options: list[str]) -> None:
    """Let uv write one lock. Raises CalledProcessError, after uv has said on stderr what does not fit."""
    extras = [f"--extra={extra}" for extra in lock.get("extras", ())]
    what = [
        *(["pyproject.toml", *extras] if extras else []),
        *(f"--group={group}" for group in lock["groups"]),
        *(["--no-deps"] if lock.get("alone") else []),
        *(["--constraint", _path(lock["within"])] if "within" in lock else []),
    ]
    how = ["--universal", "--python-version", "3.11", "--generate-hashes", "--custom-compile-command", "make lock"]
    command = [str(uv), "pip", "compile", "--quiet", *how, *what, *options, "--output-file", _path(name)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def _path(name: str) -> str:
    return str((LOCKS / f"{name}.txt").relative_to(ROOT))


if __name__ == "__main__":
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for name, lock in declared["tool"]["vimesh"]["locks"].items():
        renew(Path(sys.executable).with_name("uv"), name, {"groups": [], **lock}, sys.argv[1:])
