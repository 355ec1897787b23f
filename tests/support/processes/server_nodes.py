"""Manages private servers: their folders and their lives."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncGenerator, Generator
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
    folder = Path(tempfile.mkdtemp(prefix="vimesh-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def running(node: N) -> AsyncGenerator[N]:
    """Make the files of a server, start it, and stop it at the end."""
    await node.install()
    try:
        await node.start()
        yield node
    finally:
        await node.stop()
