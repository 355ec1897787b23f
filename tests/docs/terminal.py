"""A shell in which everything that a document says is typed, one command after the other."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_COMMAND_S = 40
_STOP_S = 20


class Terminal:
    def __init__(self, process: Process, instead: dict[str, str]) -> None:
        self._process = process
        self.instead = instead
        """What is typed in place of what a document says, such as its addresses."""
        self._servers = 0

    async def type(self, text: str, code: int = 0, within_s: float = _COMMAND_S) -> str:
        """Return what comes, after it has ended with this code."""
        text = self.as_typed(text)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{{ {text}\n}} </dev/null\nprintf '\\0%d\\n' $?\n".encode())
        try:
            async with asyncio.timeout(within_s):
                came = (await self._process.stdout.readuntil(b"\0"))[:-1].decode()
                ended = int(await self._process.stdout.readline())
        except TimeoutError:
            raise AssertionError(f"{text}\n\ndid not end in {within_s:g} s") from None
        except asyncio.IncompleteReadError as error:
            raise AssertionError(f"{text}\n\nended the shell:\n{error.partial.decode()}") from None
        assert ended == code, f"{text}\n\nended with {ended}:\n{came}"
        return came

    def as_typed(self, text: str) -> str:
        """Return a text with what is ours."""
        longest_first = sorted(self.instead, key=len, reverse=True)
        return re.sub("|".join(map(re.escape, longest_first)), lambda found: self.instead[found[0]], text)

    async def start(self, text: str, ready: str, within_s: float = _COMMAND_S) -> None:
        """Start what goes on until Ctrl-C, and wait until it says that it is ready."""
        self._servers += 1
        log = f"server-{self._servers}.log"
        await self.type(f"{{ {text}\n}} >{log} 2>&1 & servers+=($!)")
        await self.type(
            f"""until grep -q '{ready}' {log}; do kill -0 $! && sleep 0.05 || break; done
kill -0 $! || {{ cat {log}; false; }}""",
            within_s=within_s,
        )

    async def kill(self) -> None:
        """End it and what it has started without warning."""
        os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def check_servers(self) -> None:
        """See that none of them has ended."""
        if self._servers:
            await self.type("kill -0 ${servers[@]} || { tail server-*.log; false; }")


@asynccontextmanager
async def terminal_in(
    folder: Path,
    environment: Mapping[str, str],
    instead: dict[str, str],
    shell: Sequence[str] = ("bash",),
    stop_s: float = _STOP_S,
) -> AsyncGenerator[Terminal]:
    """Open a terminal, and end it with what it has started.

    Args:
        folder: Where it is opened.
        environment: Its environment.
        instead: See `Terminal.instead`.
        shell: The command line that starts it, such as on another machine.
        stop_s: Limit for what it has started to end by itself.
    """
    process = await asyncio.create_subprocess_exec(
        *shell, cwd=folder, env=environment, stdin=PIPE, stdout=PIPE, stderr=STDOUT, start_new_session=True
    )
    try:
        yield Terminal(process, instead)
        async with asyncio.timeout(stop_s):
            await process.communicate(b"kill $(jobs -p); wait\n")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()
