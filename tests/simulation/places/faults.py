"""Defines what can break, what it should be called, and which VIMs are truly lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

from tests.simulation.places.clouds import Clouds
from tests.simulation.places.landscape import MONITORS, PLAIN_ZONES, ROUTERS, TLS_PORTS, Site
from tests.simulation.places.roads import Roads

Name = tuple[str, str]
"""Kind and subject of a cause; of a MONITOR, the subject is its name here."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What can be broken."""

    roads: Roads
    clouds: Clouds
    sites: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    name: Name | None
    """None: too few are lost for a cause."""
    is_lost: Callable[[Site], bool]
    """Whether it takes a VIM away from everybody. What only some monitors do not reach any more is not lost."""
    broken: Callable[[Ground], AbstractAsyncContextManager[None]]
    """Breaks it while a block runs."""
    is_ours: bool = False
    """Whether it keeps monitors from seeing what there is to see."""
    late_s: float = 0.0
    """How much later than other faults it can be noticed: known addresses of names are used for some time."""


def router(network: str) -> Fault:
    prefixes = ROUTERS[network]
    return Fault(
        ("NETWORK", network),
        lambda site: site.prefix in prefixes,
        partial(_blocked, "lost", [f"{each}.0/24" for each in prefixes]),
    )


def prefix(prefix: str, kind: str = "lost") -> Fault:
    """A /24 is dropped (`lost`), or its router says that it is not there (`rejected`)."""
    network = f"{prefix}.0/24"
    return Fault(("NETWORK", network), lambda site: site.prefix == prefix, partial(_blocked, kind, [network]))


def outage(*addresses: str) -> Fault:
    """One or two VIMs are lost, each by itself."""
    return Fault(None, lambda site: site.address in addresses, partial(_blocked, "lost", addresses))


def monitor(name: str) -> Fault:
    """What a monitor sends to its VIMs is dropped; it reaches the conductor as ever."""
    return Fault(("MONITOR", name), _none, partial(_blocked, "cut", [name]), is_ours=True)


def vantage(name: str) -> Fault:
    monitors = [each for each, where in MONITORS.items() if where == name]
    return Fault(("VANTAGE", name), _none, partial(_blocked, "cut", monitors), is_ours=True)


def zone(zone: str) -> Fault:
    """None of its names exists any more."""
    return Fault(("RESOLVER", zone), lambda site: site.zone == zone, partial(_without_names, zone), late_s=6.0)


def certificate(zone: str, kind: str) -> Fault:
    """The certificate of a zone is replaced by one that is `expired`, or `foreign`: for other names."""
    return Fault(("CERTIFICATE", f"*.{zone}"), lambda site: site.zone == zone, partial(_certified, zone, kind))


def proxy(name: str) -> Fault:
    """A proxy answers that what is behind it is not available."""
    return Fault(
        ("LABEL", f"proxy={name}"),
        lambda site: site.labels.get("proxy") == name,
        partial(_proxy_down, name),
    )


def _none(_: Site) -> bool:
    return False


@asynccontextmanager
async def _blocked(kind: str, elements: Iterable[str], ground: Ground) -> AsyncGenerator[None]:
    await asyncio.to_thread(ground.roads.block, kind, elements)
    try:
        yield
    finally:
        await asyncio.to_thread(ground.roads.unblock, kind, elements)


@asynccontextmanager
async def _without_names(zone: str, ground: Ground) -> AsyncGenerator[None]:
    sites = [site for site in ground.sites if site.zone == zone]
    ground.clouds.remove_names(sites)
    try:
        yield
    finally:
        ground.clouds.serve_names(sites)


@asynccontextmanager
async def _certified(zone: str, kind: str, ground: Ground) -> AsyncGenerator[None]:
    await ground.clouds.replace_certificate(zone, kind)
    try:
        yield
    finally:
        await ground.clouds.replace_certificate(zone, "good")


@asynccontextmanager
async def _proxy_down(name: str, ground: Ground) -> AsyncGenerator[None]:
    addresses = [site.address for site in ground.sites if site.labels.get("proxy") == name]
    await ground.clouds.make_unavailable(addresses)
    try:
        yield
    finally:
        await ground.clouds.make_available(addresses)


Script = tuple[Fault, ...]
"""What breaks at the same time."""


def scripts() -> dict[str, Script]:
    """Return 40 scripts, by name: those with one fault first, in an order in which neighbours are of several kinds."""
    core, safe = TLS_PORTS
    edge, lab = PLAIN_ZONES
    made: dict[str, Script] = {}
    for place, network in enumerate(ROUTERS):
        made[f"router {network}"] = (router(network),)
        for third, kind in ((0, "lost"), (2, "rejected")):
            made[f"prefix 10.{20 + place}.{third} {kind}"] = (prefix(f"10.{20 + place}.{third}", kind),)
    for each in (edge, lab, core, safe):
        made[f"names of {each}"] = (zone(each),)
    for each, kind in ((core, "expired"), (core, "foreign"), (safe, "expired"), (safe, "foreign")):
        made[f"certificates of {each} {kind}"] = (certificate(each, kind),)
    for each in ("p1", "p2", "p3"):
        made[f"proxy {each}"] = (proxy(each),)
    for each in MONITORS:
        made[f"uplink of {each}"] = (monitor(each),)
    made["vantage south"] = (vantage("south"),)
    made["one VIM"] = (outage("10.20.1.2"),)
    made["one VIM by TCP"] = (outage("10.22.2.5"),)
    made["two VIMs"] = (outage("10.21.0.1", "10.22.1.4"),)
    made["uplink of n1, one VIM"] = (monitor("n1"), outage("10.21.1.1"))
    made["uplink of s1, one VIM"] = (monitor("s1"), outage("10.20.0.1"))
    made["vantage south, one VIM"] = (vantage("south"), outage("10.20.0.1"))
    made["prefix, one VIM"] = (prefix("10.20.1"), outage("10.22.0.3"))
    made["two prefixes"] = (prefix("10.20.1"), prefix("10.22.0", "rejected"))
    made["prefix and names"] = (prefix("10.21.1"), zone(edge))
    made["prefix and uplink of n1"] = (prefix("10.22.1"), monitor("n1"))
    made["prefix and uplink of n2"] = (prefix("10.20.2", "rejected"), monitor("n2"))
    made["router and names"] = (router("10.21.0.0/22"), zone(lab))
    made["proxy and certificates"] = (proxy("p1"), certificate(safe, "expired"))
    made["names and certificates"] = (zone(edge), certificate(core, "foreign"))
    made["proxy and uplink of n2"] = (proxy("p3"), monitor("n2"))
    return made
