"""Manages private servers: their folders and their lives."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar


class ServerNode(Protocol):
    async def install(self) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


N = TypeVar("N", bound=ServerNode)


@contextmanager
def server_folder() -> Generator[Path]:
    """Make a folder, and remove it at the end. Not pytest's: servers that are not root's must be able to enter it."""
    folder = _made_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="vimesh-"))
    folder.chmod(0o755)
    return folder


class Template:
    """The files of a server that was made and stopped, from which each server of this process is copied.

    A copy takes a twentieth of the CPU of an installation.
    """

    def __init__(self, make: Callable[[Path], Awaitable[None]]) -> None:
        """`make` puts the files into a folder that it has to make, and that any user may reach."""
        self._make = make
        self._folder: Path | None = None

    async def copy_to(self, folder: Path) -> None:
        """Make a folder with the files, which have the same owners and modes."""
        if self._folder is None:
            place = _made_folder()
            atexit.register(shutil.rmtree, place, ignore_errors=True)
            await self._make(place / "files")
            self._folder = place / "files"
        copying = await asyncio.create_subprocess_exec("cp", "--archive", self._folder, folder)
        assert await copying.wait() == 0


@asynccontextmanager
async def running(node: N) -> AsyncGenerator[N]:
    """Make the files of a server, start it, and stop it at the end."""
    await node.install()
    try:
        await node.start()
        yield node
    finally:
        await node.stop()
