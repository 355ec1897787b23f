"""Runs what VIMs are served by: servers, a name server and certificates, which can be changed while they run."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import sys
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.simulation.places.landscape import PORT, TLS_PORTS, Site
from tests.simulation.places.roads import NAME_SERVER
from tests.support.clouds.authorities import Authority
from tests.support.networks.name_server import NameServer, name_server
from tests.support.networks.namespaces import Namespace

_ROOT = Path(__file__).parents[3]
_WITHIN_S = 30.0
_TTL_S = 1
_DAY = dt.timedelta(days=1)


class Clouds:
    def __init__(self, process: asyncio.subprocess.Process, names: NameServer, certificates: Path) -> None:
        self._process = process
        self._names = names
        self._certificates = certificates
        self._unavailable: set[str] = set()

    def serve_names(self, sites: Iterable[Site]) -> None:
        for site in sites:
            if site.zone:
                self._names.serve(f"{site.name}.{site.zone}", site.address, ttl_s=_TTL_S)

    def remove_names(self, sites: Iterable[Site]) -> None:
        """Let names be no names any more."""
        for site in sites:
            self._names.remove(f"{site.name}.{site.zone}")

    async def replace_certificate(self, zone: str, kind: str) -> None:
        """Serve a zone with the certificate that is `good`, `expired` or `foreign`."""
        await self._order(certificate=[TLS_PORTS[zone], str(self._certificates / f"{zone}-{kind}.pem")])

    async def make_unavailable(self, addresses: Iterable[str]) -> None:
        """Let addresses answer 503."""
        self._unavailable.update(addresses)
        await self._order(unavailable=sorted(self._unavailable))

    async def make_available(self, addresses: Iterable[str]) -> None:
        self._unavailable.difference_update(addresses)
        await self._order(unavailable=sorted(self._unavailable))

    async def greet(self) -> None:
        """Wait until it serves."""
        await self._answer()

    async def _order(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._answer()

    async def _answer(self) -> None:
        assert self._process.stdout is not None
        async with asyncio.timeout(_WITHIN_S):
            assert await self._process.stdout.readline(), "the servers of the VIMs have ended"


@asynccontextmanager
async def serving_clouds(machine: Namespace, folder: Path) -> AsyncGenerator[tuple[Clouds, Path]]:
    """Serve at all addresses of a machine; yields also the file of the authority that signed the certificates."""
    trusted = _make_certificates(folder)
    ports = [str(PORT), *(f"{port}={folder / zone}-good.pem" for zone, port in TLS_PORTS.items())]
    with name_server(NAME_SERVER, 53, machine) as names:
        process = await asyncio.create_subprocess_exec(
            *machine.command(sys.executable, "-m", "tests.simulation.places.clouds_main", *ports),
            cwd=_ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            clouds = Clouds(process, names, folder)
            await clouds.greet()
            yield clouds, trusted
        finally:
            process.kill()
            await process.wait()


def _make_certificates(folder: Path) -> Path:
    authority = Authority(folder, "authority")
    for zone in TLS_PORTS:
        for kind, name, valid_for in (("good", zone, _DAY), ("expired", zone, -_DAY), ("foreign", "example.com", _DAY)):
            signed = authority.sign(zone, host_names=(f"*.{name}",), valid_for=valid_for)
            both = signed.certificate.read_bytes() + signed.key.read_bytes()
            (folder / f"{zone}-{kind}.pem").write_bytes(both)
    return authority.file
