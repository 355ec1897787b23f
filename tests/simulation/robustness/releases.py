"""Installs two releases from wheels into environments of their own: this one, and one before or after it.

The one before is made from a git ref. Where none was released, the one after is made: this one, with other tables.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from tests.support.sql.next_release import HARMLESS_CONTRACT, add_migrations
from vimesh.cli.supervision.start_process import Program, vimesh

_ROOT = Path(__file__).parents[3]
_VERSION = re.compile(r'^version = "(.{1,40})"$', re.MULTILINE)
_NEXT_VERSION = r'version = "\1.post1"'
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
    """Return the newest tag before this commit; empty if there is none."""
    command = ["git", "describe", "--tags", "--abbrev=0"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False, timeout=60)
    return "" if done.returncode else done.stdout.strip()


def install(ref: str, folder: Path) -> Releases:
    """Build the wheels of a git ref and of this checkout, or of this and a next one, and install both.

    `ref`: empty to make the next one. The packages that they need are those of this environment: only vimesh itself is
    of two versions. Raises NoRelease.
    """
    source = folder / "source"
    if not ref:
        _copy_with_migrations(source)
        return Releases(
            _install("this one", _ROOT, folder / "before"), _install("the next one", source, folder / "after")
        )
    with tarfile.open(fileobj=BytesIO(_git("archive", ref))) as archive:
        archive.extractall(source, filter="data")
    return Releases(_install(ref, source, folder / "before"), _install("this one", _ROOT, folder / "after"))


def _copy_with_migrations(source: Path) -> None:
    """Copy this checkout as it is, and make a next release of the copy. Raises NoRelease."""
    for name in _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0"):
        # Of a file that is deleted and not committed so far, git knows still.
        if name and (_ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_ROOT / name, source / name)
    add_migrations(source / "services" / "vimesh", HARMLESS_CONTRACT)
    project = source / "pyproject.toml"
    text, count = _VERSION.subn(_NEXT_VERSION, project.read_text(encoding="utf-8"))
    assert count == 1, "pyproject.toml names no version, or several"
    project.write_text(text, encoding="utf-8")


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=_ROOT, capture_output=True, check=False, timeout=_LIMIT_S)
    if done.returncode:
        raise NoRelease(f"git {' '.join(arguments)} failed: {done.stderr.decode().strip()}")
    return done.stdout


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
