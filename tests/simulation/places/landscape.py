"""Says which VIMs there are, and on what they depend: routers, prefixes, zones, proxies, and from where one looks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration

from vimesh.v1.vim_pb2 import ProbePolicy

NORTH, SOUTH = "north", "south"
"""The vantages. Monitors of the south have references, those of the north have none."""
MONITORS = {"n1": NORTH, "n2": NORTH, "s1": SOUTH, "s2": SOUTH}
ROUTERS = {f"10.{second}.0.0/22": tuple(f"10.{second}.{third}" for third in range(3)) for second in (20, 21, 22)}
"""The smallest network around the prefixes behind each router."""
PREFIXES = tuple(prefix for prefixes in ROUTERS.values() for prefix in prefixes)
PLAIN_ZONES = ("edge.example.org", "lab.example.net")
TLS_ZONES = ("core.example.org", "safe.example.net")
ZONES = (*PLAIN_ZONES, *TLS_ZONES)
PROXIES = ("p1", "p2", "p3")
PORT = 7700
TLS_PORTS = {zone: PORT + number for number, zone in enumerate(TLS_ZONES, 1)}
FALL = 2
_METHODS = (ProbePolicy.PING, ProbePolicy.TCP, ProbePolicy.HTTP)
_RACKS = 7


@dataclass(frozen=True, slots=True)
class Site:
    """One VIM."""

    name: str
    address: str
    vantage: str
    method: ProbePolicy.Method.ValueType
    zone: str = ""
    """Of its name; empty: it is given by its address."""
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        return self.address.rpartition(".")[0]

    @property
    def auth_url(self) -> str:
        host = f"{self.name}.{self.zone}" if self.zone else self.address
        tls_port = TLS_PORTS.get(self.zone)
        return f"https://{host}:{tls_port}/v3" if tls_port else f"http://{host}:{PORT}/v3"

    def policy(self, interval_s: float) -> ProbePolicy:
        """Return how it is probed: a round has ended before the next one begins."""
        asked = ProbePolicy(method=self.method, fall=FALL, tls_verify=self.zone in TLS_PORTS, vantages=[self.vantage])
        asked.interval.CopyFrom(_seconds(interval_s))
        asked.timeout.CopyFrom(_seconds(timeout_of(interval_s)))
        return asked


def timeout_of(interval_s: float) -> float:
    return min(1.0, 0.8 * interval_s / FALL)


def mixed_landscape(per_prefix: int, per_zone: int) -> list[Site]:
    """Return VIMs of all kinds, which depend on everything that the scripts break."""
    return [*_behind_routers(per_prefix), *_in_zones(per_zone)]


def flat_landscape(count: int) -> list[Site]:
    """Return VIMs that have nothing in common but the vantage from which they are probed: nine in ten are pinged."""
    return [
        Site(
            f"vim-{number}",
            f"10.{40 + number // 62500}.{number // 250 % 250}.{1 + number % 250}",
            NORTH,
            ProbePolicy.PING if number % 10 else ProbePolicy.TCP,
        )
        for number in range(count)
    ]


def _behind_routers(per_prefix: int) -> Iterator[Site]:
    for place, prefix in enumerate(PREFIXES):
        for number in range(per_prefix):
            method = _METHODS[number % len(_METHODS)]
            labels = {"rack": f"r{(place * 5 + number * 3) % _RACKS}"}
            if method == ProbePolicy.HTTP:
                labels["proxy"] = PROXIES[(place + number // len(_METHODS)) % len(PROXIES)]
            vantage = (NORTH, SOUTH)[(place + number) % 2]
            yield Site(f"vim-{place}-{number}", f"{prefix}.{1 + number}", vantage, method, labels=labels)


def _in_zones(per_zone: int) -> Iterator[Site]:
    for place, zone in enumerate(ZONES):
        for number in range(per_zone):
            vantage = (NORTH, SOUTH)[number % 2]
            yield Site(f"vim-{number}", f"10.30.{place}.{1 + number}", vantage, ProbePolicy.HTTP, zone)


def _seconds(seconds: float) -> Duration:
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    return duration
