"""Runs the programs of a database server, with secrets in files that only their owner can read."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

from vimesh.domain.credential_masks import mask_text
from vimesh.store.dialects.backup_errors import BackupRefused
from vimesh.store.dialects.dump_programs import DumpPrograms, dotted

_VERSION_S: Final = 20.0
_LONGEST_S: Final = 24 * 3600.0
_COMPLAINT_BYTES: Final = 2000


async def require_programs(programs: DumpPrograms, server_version: tuple[int, ...]) -> None:
    """Raise BackupRefused unless the programs are installed, and know servers of this version."""
    wanted = f"install them: apt install {programs.package}"
    for command in (programs.dump(Path()), programs.load(Path())):
        name = command[0]
        if shutil.which(name) is None:
            raise BackupRefused(f"{name} is not installed, which copies databases of this server", wanted)
        version = programs.version_of(await _version_text(name))
        if not version:
            raise BackupRefused(f"{name} is not the program of {programs.product}", wanted)
        if why := programs.why_unusable(version, server_version):
            raise BackupRefused(f"{name} {dotted(version)} {why}", wanted)


@asynccontextmanager
async def running(
    programs: DumpPrograms,
    command: Callable[[Path], Sequence[str]],
    *,
    stdin: int = DEVNULL,
    stdout: int | IO[bytes] = DEVNULL,
) -> AsyncGenerator[Process]:
    """Run a command as long as the block does, and wait for its end. Raises BackupRefused if it fails."""
    with tempfile.TemporaryDirectory(prefix="vimesh-") as made:
        folder = Path(made)
        for name, content in programs.files().items():
            file = folder / name
            file.touch(mode=0o600)
            file.write_text(content, encoding="utf-8")
        arguments = command(folder)
        with (folder / "complaints").open("w+b") as complaints:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                env={**os.environ, **programs.environment(folder)},
                stdin=stdin,
                stdout=stdout,
                stderr=complaints,
            )
            try:
                async with asyncio.timeout(_LONGEST_S):
                    yield process
                    code = await process.wait()
            except TimeoutError:
                raise BackupRefused(f"{arguments[0]} has not ended for {_LONGEST_S / 3600:g} h") from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            if code != 0:
                complaints.seek(0)
                why = mask_text(complaints.read(_COMPLAINT_BYTES).decode(errors="replace").strip())
                raise BackupRefused(f"{arguments[0]} failed with exit code {code}: {why}")


async def _version_text(name: str) -> str:
    process = await asyncio.create_subprocess_exec(name, "--version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    try:
        async with asyncio.timeout(_VERSION_S):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode(errors="replace")
