"""Names as the system is told to look them up, on a machine of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.networks.name_server import Kind, NameServer, name_server, system_files
from tests.support.networks.namespaces import Namespace, namespace, why_not
from tests.support.probers import lookup_main

PATIENCE_S = 15.0
SERVER_IP, OTHER_IP = "127.0.0.53", "127.0.0.54"

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
COUNT_CHANNELS_THAT_READ = """
import socket
from vimesh.monitor.names.cares_channel import HostsFileChannel
answers = []
for _ in range(100):
    channel = HostsFileChannel()
    channel.getaddrinfo(
        "hosts.lab.example", None, family=socket.AF_UNSPEC, callback=lambda result, error: answers.append(result)
    )
    channel.close()
print(sum(answer is not None for answer in answers))
"""

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


class Process:
    """Looks names up in the namespace."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def ask(self, name: str) -> list[str] | str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name}\n".encode())
        async with asyncio.timeout(PATIENCE_S):
            told: list[str] | str = json.loads(await self._process.stdout.readline())
        return told

    async def ask_until(self, name: str, expected: list[str]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.ask(name) != expected:
                pass


@asynccontextmanager
async def process_in(machine: Namespace) -> AsyncGenerator[Process]:
    process = await asyncio.create_subprocess_exec(
        *machine.command(sys.executable, str(Path(lookup_main.__file__))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=ENVIRONMENT,
    )
    try:
        yield Process(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()


@pytest.fixture
def machine() -> Generator[Namespace]:
    with namespace() as machine:
        yield machine


@pytest.fixture
def etc(machine: Namespace) -> Generator[Path]:
    conf = f"nameserver {SERVER_IP}\nsearch lab.example\noptions ndots:1\n"
    with system_files(machine, resolv_conf=conf, hosts="192.0.2.7 hosts.lab.example\n") as folder:
        yield folder


@pytest.fixture
def server(machine: Namespace) -> Generator[NameServer]:
    with name_server(SERVER_IP, 53, machine) as server:
        yield server


async def test_the_hosts_file_comes_first_and_is_read_again(machine: Namespace, etc: Path, server: NameServer) -> None:
    server.serve("hosts.lab.example", "192.0.2.8", "2001:db8::8")
    async with process_in(machine) as process:
        assert await process.ask("hosts.lab.example") == ["192.0.2.7"]
        assert server.count("hosts.lab.example", Kind.AAAA) == 0

        (etc / "hosts").write_text("192.0.2.9 hosts.lab.example\n2001:db8::9 hosts.lab.example\n")
        await process.ask_until("hosts.lab.example", ["2001:db8::9", "192.0.2.9"])

        (etc / "hosts").write_text("")
        await process.ask_until("hosts.lab.example", ["2001:db8::8", "192.0.2.8"])


@pytest.mark.usefixtures("etc")
def test_each_channel_of_the_hosts_file_reads_it(machine: Namespace) -> None:
    found = subprocess.run(
        machine.command(sys.executable, "-c", COUNT_CHANNELS_THAT_READ),
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )

    assert int(found.stdout) == 100, "the memory of its options was not freed before they were read"


@pytest.mark.usefixtures("etc")
async def test_short_names_are_looked_for_in_the_domains_of_the_system(machine: Namespace, server: NameServer) -> None:
    server.serve("vim.lab.example", "192.0.2.1")
    async with process_in(machine) as process:
        assert await process.ask("vim") == ["192.0.2.1"]
        assert await process.ask("vim.") == "NoSuchName"
        assert await process.ask("vim.lab.example.") == ["192.0.2.1"]


async def test_other_name_servers_are_asked_when_the_system_is_told_so(
    machine: Namespace, etc: Path, server: NameServer
) -> None:
    with name_server(OTHER_IP, 53, machine) as other:
        server.serve("vim.example", "192.0.2.1")
        other.serve("vim.example", "192.0.2.2")
        async with process_in(machine) as process:
            assert await process.ask("vim.example") == ["192.0.2.1"]

            (etc / "resolv.conf").write_text(f"nameserver {OTHER_IP}\n")
            await process.ask_until("vim.example", ["192.0.2.2"])
