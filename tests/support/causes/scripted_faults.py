"""Scripts of what breaks in a synthetic fleet: one thing at a time, and two at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.support.causes.synthetic_fleet import MONITORS, PROXIES, VANTAGES, ZONES, Fault, SyntheticFleet
from vimesh.domain.vims import Status

Script = Callable[[SyntheticFleet], Sequence[Fault]]


def _only(make: Callable[..., Fault], *arguments: object) -> Script:
    return lambda fleet: [make(fleet, *arguments)]


def _scripts() -> list[tuple[str, Script]]:
    fleet = SyntheticFleet
    scripts = [(f"router {number}", _only(fleet.router, number)) for number in range(4)]
    scripts += [(f"prefix {number}", _only(fleet.prefix, number)) for number in range(0, 24, 3)]
    scripts += [(f"names of {zone}", _only(fleet.zone, zone)) for zone in ZONES]
    scripts += [(f"certificates of {zone}", _only(fleet.certificate, zone)) for zone in ZONES]
    scripts += [(f"proxy {proxy}", _only(fleet.label, "proxy", proxy)) for proxy in PROXIES]
    scripts += [(f"rack {number}", _only(fleet.label, "rack", f"r{number}", "TIMEOUT")) for number in range(3)]
    scripts += [(f"uplink of {one}", _only(fleet.monitor, one)) for one in MONITORS]
    for reason in ("LOCAL_NO_ROUTE", "SILENT"):
        scripts += [(f"{reason} of {one}", _only(fleet.monitor, one, reason, Status.UNKNOWN)) for one in MONITORS[:2]]
    scripts += [(f"vantage {one}", _only(fleet.vantage, one)) for one in VANTAGES]
    two: list[tuple[str, Script]] = [
        ("two prefixes", lambda fleet: [fleet.prefix(1), fleet.prefix(20)]),
        ("prefix and names", lambda fleet: [fleet.prefix(2), fleet.zone(ZONES[0])]),
        ("prefix and monitor", lambda fleet: [fleet.prefix(3), fleet.monitor(MONITORS[0])]),
        ("proxy and certificates", lambda fleet: [fleet.certificate(ZONES[1]), fleet.label("proxy", "p1")]),
        ("router and names", lambda fleet: [fleet.router(1), fleet.zone(ZONES[2])]),
        ("two monitors", lambda fleet: [fleet.monitor(MONITORS[0]), fleet.monitor(MONITORS[3])]),
        ("names and certificates", lambda fleet: [fleet.zone(ZONES[0]), fleet.certificate(ZONES[1])]),
        ("rack and prefix", lambda fleet: [fleet.prefix(9), fleet.label("rack", "r2", "TIMEOUT")]),
    ]
    return scripts + two


SCRIPTS = _scripts()
