"""Types what the pages about fleets by hand say, on machines that are network namespaces: `make fleet-by-hand`.

Each machine has an address, processes and a folder of its own, so that all is typed as it stands there. Only the URL of
the database is another one.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import shutil
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from tests.docs.shell_blocks import ROOT, SHELL, Block, ShellCommand, blocks, is_as_shown
from tests.docs.terminal import Terminal, terminal_in
from tests.support.callers.commands import clean_environment
from tests.support.deployments.fleets import VIMESH
from tests.support.networks.machines import Machine, machines_on_one_network
from tests.support.processes.server_nodes import server_folder
from tests.support.sql.postgresql import running_postgresql

DEPLOYING: Final = ROOT / "docs/operating/deploying.md"
UPKEEP: Final = ROOT / "docs/operating/upkeep.md"
PAGES: Final = (DEPLOYING, UPKEEP)

_ADDRESSES: Final = {"mesh-1": "10.0.0.11", "mesh-2": "10.0.0.12", "mesh-3": "10.0.0.13"}
_CLOUD: Final = "cloud"
_CLOUD_ADDRESS: Final = "10.0.0.5"
_CLOUD_SERVER: Final = ("-m", "http.server", "5000", "--bind", _CLOUD_ADDRESS)
FOLDER: Final = Path("/srv/vimesh")
_DATABASE: Final = "postgresql://vimesh:secret@db.example/vimesh"
_START: Final = "Start"
_ONE_MACHINE: Final = ("One machine", "Certificates and the key", "The fleet file", "The database", _START, "Use")
_UNTIL_DRAINED: Final = (
    "Rotate certificates",
    "Rotate the key",
    "Upgrade the tables",
    "Upgrade without a stop",
    "Drain a conductor",
)
FOLLOWED: Final = {
    DEPLOYING: {*_ONE_MACHINE, "On each", "On the first", "Start them"},
    UPKEEP: {*_UNTIL_DRAINED, "Drain a monitor", "Drain a front", "A lost machine"},
}
"""Headings whose blocks are followed: all that have any."""
_SERVERS: Final = {
    "vimesh conductor": "conductor is serving",
    "ulimit -n 20000 && envoy": "starting workers",
    "vimesh api": "api is serving",
    "vimesh monitor --": "actions listed",
    "vimesh notify": "notifier started",
}
"""What goes on until Ctrl-C, and what it says when it is ready."""
_PROCESSES = re.compile(r"^processes  .+$", re.MULTILINE)
"""What `vimesh status` shows when the processes have found each other, and lost ones are forgotten, after a minute."""
_BEFORE: Final = {
    "openssl s_client": "openssl s_client -connect 10.0.0.13:7600 2>/dev/null </dev/null | "
    "openssl x509 | cmp - certs/front/mesh/tls.crt",
}
"""What is so when people type what begins like this: files are read."""
_LIMIT_S: Final = 150
_STOP_S: Final = 60
_DATABASE_S: Final = 20


@dataclass(frozen=True, slots=True)
class Desk:
    """Where somebody works on a machine."""

    folder: Path
    """Where this machine has the folder in which all is typed."""
    shell: Sequence[str]
    """The command line that starts a shell there."""


class Site:
    """Machines with a terminal each, beside a cloud and a database."""

    def __init__(self, machines: Mapping[str, Desk], environment: Mapping[str, str], database_url: str) -> None:
        self.machines = machines
        self._environment = environment
        self._instead = {_DATABASE: database_url}
        self._terminals = dict[str, Terminal]()
        self._ids = dict[str, str]()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for name in self.machines:
            await self._switch_on(name)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._open.aclose()

    async def follow(self, *blocks: Block, on: str = "") -> None:
        """Type the commands of blocks on one machine, or where their prompts say, and compare what comes."""
        for block in blocks:
            if block.language == "yaml":
                first = next(iter(self.machines.values()))
                (first.folder / _file_of(block)).write_text("\n".join(block.lines) + "\n")
            elif not block.reason:
                for command in block.commands:
                    await self._follow(command, on, block.place)

    async def lose(self, name: str) -> None:
        """Lose a machine with all that it has, and have another one in its place."""
        await self._terminals[name].kill()
        for path in self.machines[name].folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        await self._switch_on(name)

    async def _switch_on(self, name: str) -> None:
        machine = self.machines[name]
        shell = terminal_in(machine.folder, self._environment, self._instead, machine.shell, _STOP_S)
        self._terminals[name] = await self._open.enter_async_context(shell)

    async def _follow(self, command: ShellCommand, on: str, place: str) -> None:
        only = on or command.machine
        for name in [only] if only else self.machines:
            print(f"{name}$ {command.typed}", flush=True)
            if counts := _PROCESSES.search(command.shown):
                await _until(self._terminals[name], f"vimesh status >status && grep -x '{counts[0]}' status")
            came = await _typed(self._terminals[name], command.typed)
            print(came, end="", flush=True)
            as_shown = not command.shown or is_as_shown(command.shown, came, self._ids)
            assert as_shown, f"{place}: {command.typed}\n{command.shown}\nis not\n{came}"
            self._terminals[name].instead.update(self._ids)


async def _typed(terminal: Terminal, text: str) -> str:
    for start, ready in _SERVERS.items():
        if text.startswith(start):
            await terminal.start(text, ready, _LIMIT_S)
            return ""
    for start, until in _BEFORE.items():
        if text.startswith(start):
            await _until(terminal, until)
    return await terminal.type(text, within_s=_LIMIT_S)


async def _until(terminal: Terminal, condition: str) -> None:
    await terminal.type(f"until {condition} >/dev/null; do sleep 0.5 || break; done", within_s=_LIMIT_S)


def _file_of(block: Block) -> str:
    return block.lines[0].removeprefix("# ")


def parts(page: Path) -> dict[str, list[Block]]:
    """Return the blocks that are typed or written, by the headings that they are under."""
    found = dict[str, list[Block]]()
    for block in blocks(page):
        if block.language in SHELL or (block.language == "yaml" and block.lines[0].startswith("# ")):
            found.setdefault(block.heading, []).append(block)
    return found


async def follow_one_machine(folder: Path) -> None:
    """Make the fleet of one machine."""
    deploying = parts(DEPLOYING)
    async with _site(folder, list(_ADDRESSES)[:1]) as site:
        await site.follow(*(block for heading in _ONE_MACHINE for block in deploying[heading]))


async def follow_one_machine_inside(folder: Path, work: Path, shell: Sequence[str]) -> None:
    """Make the fleet of one machine with what another system has.

    Args:
        folder: Not there so far; for what is only of the run.
        work: Where this machine has the folder in which all is typed.
        shell: Starts a shell in that folder, with a network of its own.
    """
    deploying = parts(DEPLOYING)
    name = next(iter(_ADDRESSES))
    async with AsyncExitStack() as stack:
        machines = await stack.enter_async_context(_beside_a_cloud(folder, [name]))
        desk = Desk(work, machines[name].namespace.command(*shell))
        site = await stack.enter_async_context(Site({name: desk}, os.environ, _DATABASE))
        await site.follow(*(block for heading in _ONE_MACHINE for block in deploying[heading]))


async def follow_three_machines(folder: Path) -> None:
    """Make the fleet of three machines, and do with it what the page about upkeep says."""
    deploying, upkeep = parts(DEPLOYING), parts(UPKEEP)
    start = deploying[_START]
    async with _site(folder, list(_ADDRESSES)) as site:
        await site.follow(*deploying["On each"], *deploying["On the first"])
        for name in site.machines:
            await site.follow(*start, on=name)
        await site.follow(*deploying["Start them"])
        await site.follow(*(block for heading in _UNTIL_DRAINED for block in upkeep[heading]))
        await site.follow(replace(start[0], lines=start[0].lines[:1]), on="mesh-2")  # the conductor that was drained
        await site.follow(*upkeep["Drain a monitor"], *upkeep["Drain a front"])
        await site.lose("mesh-3")
        *copies, whole = upkeep["A lost machine"]
        await site.follow(*copies)
        await site.follow(*start, on="mesh-3")
        await site.follow(whole)


@asynccontextmanager
async def _beside_a_cloud(folder: Path, names: Iterable[str]) -> AsyncGenerator[dict[str, Machine]]:
    """Make machines, and run a cloud on the network that they have."""
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs yet
    addresses = {_CLOUD: _CLOUD_ADDRESS, **{name: _ADDRESSES[name] for name in names}}
    with machines_on_one_network(addresses, folder, FOLDER) as machines:
        cloud = machines.pop(_CLOUD)
        async with _running(*cloud.command(sys.executable, *_CLOUD_SERVER)):
            yield machines


@asynccontextmanager
async def _site(folder: Path, names: Iterable[str]) -> AsyncGenerator[Site]:
    async with AsyncExitStack() as stack:
        machines = await stack.enter_async_context(_beside_a_cloud(folder, names))
        database = await stack.enter_async_context(running_postgresql(stack.enter_context(server_folder())))
        await _run(
            "createdb", f"--host={database.socket_folder}", f"--port={database.port}", "--username=postgres", "vimesh"
        )
        url = f"postgresql://postgres@/vimesh?host={database.socket_folder}&port={database.port}"
        environment = clean_environment(
            PYTHONWARNINGS="",
            PATH=os.pathsep.join([str(VIMESH.parent), os.environ["PATH"]]),
            RSYNC_RSH=str(_remote_shell(folder / "remote-shell", machines)),
        )
        desks = {name: Desk(machine.folder, machine.command("bash")) for name, machine in machines.items()}
        yield await stack.enter_async_context(Site(desks, environment, url))


def _remote_shell(path: Path, machines: Mapping[str, Machine]) -> Path:
    """Write the program that rsync runs instead of ssh: it runs a command on another machine."""
    cases = "".join(
        f'{name}) shift; exec {shlex.join(machine.command_beside())} "$@" ;;\n' for name, machine in machines.items()
    )
    path.write_text(f'#!/bin/sh\ncase "$1" in\n{cases}esac\n')
    path.chmod(0o755)
    return path


@asynccontextmanager
async def _running(*command: str) -> AsyncGenerator[None]:
    process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    assert await asyncio.wait_for(process.wait(), _DATABASE_S) == 0, command


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        asyncio.run(follow_one_machine(Path(scratch, "one")))
        asyncio.run(follow_three_machines(Path(scratch, "three")))
