"""What proxies before the front say of callers and addresses: it counts from those that the fleet file trusts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass

from tests.envoy.scripted import Scripted
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from vimesh.envoy.fleet.front_fleet import FrontFleet

TRUSTED, STRANGER = "127.0.0.2", "127.0.0.3"
SAYS = {
    "forwarded": "host=mesh.example",
    "x-forwarded-for": "203.0.113.9, 192.0.2.7, 10.0.0.1",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "mesh.example",
    "x-forwarded-port": "8443",
    "x-forwarded-prefix": "/mesh",
}


@dataclass(frozen=True, slots=True)
class Seen:
    envoy: RunningEnvoy

    async def headers(self, source: str, says: dict[str, str]) -> dict[str, str]:
        """Return what an api process hears of a request that comes from an address."""
        host, _, port = self.envoy.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), local_addr=(source, 0))
        try:
            return await _heard(reader, writer, says)
        finally:
            writer.close()

    async def headers_at_reports(self, says: dict[str, str]) -> dict[str, str]:
        reader, writer = await asyncio.open_unix_connection(self.envoy.reports_address.removeprefix("unix:"))
        try:
            return await _heard(reader, writer, says)
        finally:
            writer.close()


async def _heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, says: dict[str, str]) -> dict[str, str]:
    lines = "".join(f"{name}: {value}\r\n" for name, value in says.items())
    writer.write(f"GET /v1.0/vims HTTP/1.1\r\nhost: front\r\nconnection: close\r\n{lines}\r\n".encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    read = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert isinstance(read, dict)
    return {name: value for name, value in read.items() if name in SAYS or name.startswith("x-vimesh")}


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with closing(writer):
        # A health check connects and says nothing.
        if await reader.readline():
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            body = json.dumps(dict(line.split(": ", 1) for line in head.strip().split("\r\n"))).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body))


@asynccontextmanager
async def front(conductor: Scripted, proxies: Sequence[str]) -> AsyncGenerator[Seen]:
    async with await asyncio.start_server(_echo, "127.0.0.1", 0) as server:
        api = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with running_envoy(
            [conductor.address], api=[api], like=FrontFleet((), trusted_proxies=tuple(proxies))
        ) as envoy:
            yield Seen(envoy)


async def test_nobody_is_believed_unless_the_fleet_file_says_so(first: Scripted) -> None:
    async with front(first, ()) as seen:
        heard = await seen.headers(STRANGER, SAYS)
        at_reports = await seen.headers_at_reports(SAYS)

    assert heard == {"x-forwarded-for": STRANGER, "x-forwarded-proto": "http"}
    assert set(at_reports) == {"x-forwarded-for", "x-forwarded-proto"}
    assert "10.0.0.1" not in at_reports["x-forwarded-for"]


async def test_a_trusted_proxy_is_believed_and_nobody_else(first: Scripted) -> None:
    async with front(first, [f"{TRUSTED}/32", "10.0.0.0/8"]) as seen:
        by_proxy = await seen.headers(TRUSTED, SAYS)
        silent = await seen.headers(TRUSTED, {})
        by_stranger = await seen.headers(STRANGER, SAYS)

    # The last that is no proxy of ours: what comes before it, the caller may have said itself.
    assert by_proxy == {**SAYS, "x-forwarded-for": "192.0.2.7"}
    assert silent == {"x-forwarded-for": TRUSTED, "x-forwarded-proto": "http"}
    assert by_stranger == {"x-forwarded-for": STRANGER, "x-forwarded-proto": "http"}
