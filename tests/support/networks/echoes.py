"""Sees the pings of a namespace, and answers some of them as no host should."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.networks import echo_main
from tests.support.networks.namespaces import Namespace
from tests.support.probers.verdicts import PATIENCE_S


class Echoes:
    """The process, as a test sees it."""

    def __init__(self, output: asyncio.StreamReader) -> None:
        self._output = output
        self.seen: list[tuple[str, int]] = []
        """Destination and ICMP identifier of each ping."""

    def identifiers(self, address: str) -> list[int]:
        """Return the identifiers of the pings to an address, in order."""
        return [identifier for destination, identifier in self.seen if destination == address]

    async def until(self, reached: Callable[[], bool]) -> None:
        """Read pings until the condition holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                destination, identifier = json.loads(await self._line())
                self.seen.append((destination, identifier))

    async def greet(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            assert json.loads(await self._line()) == "ready"

    async def _line(self) -> bytes:
        line = await self._output.readline()
        assert line, "it has ended"
        return line


@asynccontextmanager
async def echoes_in(machine: Namespace, rule: str, network: str, *addresses: str) -> AsyncGenerator[Echoes]:
    """Run it inside a namespace: see `echo_main`."""
    process = await asyncio.create_subprocess_exec(
        *machine.command(sys.executable, str(Path(echo_main.__file__)), rule, network, *addresses),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        echoes = Echoes(process.stdout)
        await echoes.greet()
        yield echoes
    finally:
        process.kill()
        await process.wait()
