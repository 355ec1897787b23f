"""Installs two releases from wheels into environments of their own: the one before, from a git ref, and this one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from vimesh.cli.supervision.start_process import Program, vimesh

_ROOT = Path(__file__).parents[3]
_LIMIT_S = 300


class NoRelease(Exception):
    """The version before cannot be made; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Installation:
    name: str
    folder: Path

    @property
    def command(self) -> tuple[str, ...]:
        return (str(self.folder / "bin" / "python"), str(self.folder / "bin" / "vimesh"))

    def instead_of(self, program: Program) -> Program:
        """Return a program of this checkout as this installation has it."""
        return Program((*self.command, *program.command[len(vimesh()) :]), _without_path(program.environment))

    async def run(self, *arguments: str, **environment: str) -> str:
        """Run a command; return what it printed. Raises RuntimeError if it fails."""
        process = await asyncio.create_subprocess_exec(
            *(*self.command, *arguments),
            env={**_without_path(os.environ), **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(_LIMIT_S):
            output, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError(f"{self.name}: vimesh {' '.join(arguments)} failed: {output.decode()}")
        return output.decode()

    async def make_tables(self, database_url: str) -> None:
        """Create the tables as this release has them."""
        await self.run("db", "upgrade", VIMESH_DATABASE_URL=database_url)


@dataclass(frozen=True, slots=True)
class Releases:
    before: Installation
    after: Installation


def _without_path(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out what would put this checkout before what is installed."""
    return {key: value for key, value in environment.items() if key != "PYTHONPATH"}


def newest_tag() -> str:
    """Return the tag before this commit. Raises NoRelease."""
    done = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0"], cwd=_ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise NoRelease("no release is tagged here: name the version before, as in --from HEAD~20")
    return done.stdout.strip()


def install(ref: str, folder: Path) -> Releases:
    """Build the wheels of a git ref and of this checkout, and install both. Raises NoRelease.

    The packages that they need are those of this environment: only vimesh itself is of two versions.
    """
    source = folder / "source"
    done = subprocess.run(["git", "archive", ref], cwd=_ROOT, capture_output=True, check=False, timeout=_LIMIT_S)
    if done.returncode:
        raise NoRelease(f"{ref} is no commit of this repository: {done.stderr.decode().strip()}")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(source, filter="data")
    return Releases(_install(ref, source, folder / "before"), _install("this one", _ROOT, folder / "after"))


def _install(name: str, source: Path, folder: Path) -> Installation:
    wheels = folder / "wheel"
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels), cwd=source)
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder), cwd=source)
    [packages] = folder.glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    [wheel] = wheels.glob("*.whl")
    python = str(folder / "bin" / "python")
    how = ("--quiet", "--no-deps", "--no-index", "--ignore-installed")
    _run(sys.executable, "-m", "pip", "--python", python, "install", *how, str(wheel), cwd=folder)
    return Installation(name, folder)


def _run(*command: str, cwd: Path) -> None:
    environment = _without_path(os.environ)
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, check=False, timeout=_LIMIT_S)
    if done.returncode:
        raise NoRelease(f"{' '.join(command)} failed in {cwd}: {(done.stdout + done.stderr).decode()[-2000:]}")
