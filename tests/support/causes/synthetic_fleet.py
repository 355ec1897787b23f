"""Makes fleets whose VIMs depend on routers, prefixes, zones, proxies, certificates and monitors, and breaks those."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from vimesh.domain.causes.correlation import Correlation, FoundCause
from vimesh.domain.causes.traits import CauseMember, Places, Trait
from vimesh.domain.pool.assignment import Assignment, Member
from vimesh.domain.vims import CauseKind, Status

MONITORS = tuple(f"monitor-{number}" for number in range(6))
VANTAGES = ("north", "south")
ZONES = ("edge.example.org", "core.example.org", "lab.example.net")
PROXIES = ("p1", "p2", "p3")
RACKS = 7
PROJECT = "project-0"


@dataclass(frozen=True, slots=True)
class Fault:
    """What breaks, what it should be called, and how it looks."""

    kind: CauseKind
    subject: str
    reason: str
    status: Status
    hits: Callable[[CauseMember], bool]


class SyntheticFleet:
    """Some 2,000 VIMs in 24 prefixes of four routers, and in three zones, probed by six monitors at two vantages."""

    def __init__(self, seed: int, *, prefixes: int = 24, per_prefix: int = 50, per_zone: int = 240) -> None:
        self.random = chance = random.Random(seed)
        hosts = [
            (f"10.{20 + prefix // 6}.{4 * (prefix // 3) + prefix % 3}.{1 + number}", True)
            for prefix in range(prefixes)
            for number in range(per_prefix)
        ]
        hosts += [(f"vim-{number}.{zone}", True) for zone in ZONES for number in range(per_zone)]
        self.members = [
            CauseMember(
                vim_id=f"vim-{number:06}",
                project_id=f"project-{number % 5}",
                host=host,
                is_tls=is_tls,
                labels={"env": chance.choice(("prod", "test")), "proxy": chance.choice(PROXIES)}
                | {"rack": f"r{chance.randrange(RACKS)}"},
                status=Status.REACHABLE,
                reason="",
                age_s=1e6,
            )
            for number, (host, is_tls) in enumerate(hosts)
        ]
        halves = {
            vantage: Assignment(Member(each) for each in MONITORS[place::2]) for place, vantage in enumerate(VANTAGES)
        }
        self._places = {
            member.vim_id: ((halves[vantage].owner_of(member.vim_id), vantage),)
            for member in self.members
            for vantage in (VANTAGES[int(member.vim_id[-1]) % 2],)
        }

    def places_of(self, member: CauseMember) -> Places:
        return self._places[member.vim_id]

    def router(self, number: int) -> Fault:
        """A router behind which are six prefixes, which lie in one /20."""
        subject = f"10.{20 + number}.{8 * number // 16 * 16}.0/20"
        begin = f"10.{20 + number}."
        return Fault(
            CauseKind.NETWORK, subject, "TIMEOUT", Status.UNREACHABLE, lambda member: member.host.startswith(begin)
        )

    def prefix(self, number: int) -> Fault:
        begin = f"10.{20 + number // 6}.{4 * (number // 3) + number % 3}."
        return Fault(
            CauseKind.NETWORK,
            f"{begin}0/24",
            "HOST_UNREACHABLE",
            Status.UNREACHABLE,
            lambda member: member.host.startswith(begin),
        )

    def zone(self, zone: str) -> Fault:
        return Fault(CauseKind.RESOLVER, zone, "DNS", Status.UNREACHABLE, lambda member: member.host.endswith(zone))

    def certificate(self, zone: str) -> Fault:
        return Fault(
            CauseKind.CERTIFICATE, f"*.{zone}", "TLS", Status.UNREACHABLE, lambda member: member.host.endswith(zone)
        )

    def label(self, key: str, value: str, reason: str = "HTTP_503") -> Fault:
        """What the VIMs of one project have in common by a label; others use the same label for something else."""
        return Fault(
            CauseKind.LABEL,
            f"{key}={value}",
            reason,
            Status.UNREACHABLE,
            lambda member: member.project_id == PROJECT and member.labels[key] == value,
        )

    def monitor(self, monitor_id: str, reason: str = "TIMEOUT", status: Status = Status.UNREACHABLE) -> Fault:
        return Fault(
            CauseKind.MONITOR, monitor_id, reason, status, lambda member: self.places_of(member)[0][0] == monitor_id
        )

    def vantage(self, vantage: str) -> Fault:
        return Fault(
            CauseKind.VANTAGE,
            vantage,
            "TIMEOUT",
            Status.UNREACHABLE,
            lambda member: self.places_of(member)[0][1] == vantage,
        )

    def broken(self, faults: Sequence[Fault], *, singles: int = 0, seen: float = 1.0) -> list[CauseMember]:
        """Return all VIMs as they are after faults, of which the share `seen` was noticed, and after single outages."""
        members = [self._after(member, faults, seen) for member in self.members]
        for place in self.random.sample(range(len(members)), singles):
            members[place] = members[place]._replace(status=Status.UNREACHABLE, reason="TIMEOUT", age_s=5.0)
        return members

    def _after(self, member: CauseMember, faults: Iterable[Fault], seen: float) -> CauseMember:
        for fault in faults:
            if fault.hits(member) and self.random.random() < seen:
                return member._replace(status=fault.status, reason=fault.reason, age_s=5.0)
        return member

    def causes_of(self, members: Sequence[CauseMember]) -> list[FoundCause]:
        changes = [member for member in members if member.changed_lately]
        populations: dict[Trait, int] = {}
        correlation = Correlation(changes, self.places_of)
        correlation.count(members, populations)
        return correlation.find_causes(populations)
