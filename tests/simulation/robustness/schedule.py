"""Plans the faults: from a seed alone, so that the seed replays them."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

LASTS_S = (1.0, 8.0)
"""How long a fault lasts, with these exceptions."""
_EXCEPTIONS_S = {"away": (1.0, 15.0), "monitors-away": (22.0, 26.0)}
"""Without monitors until the last lease has ended, including that of a report which a paused conductor delayed."""
_GAP_S = (0.5, 5.0)
_GROUPS = ("conductors", "monitors")
_AT_ONCE = 2

CONDUCTORS = ("conductor-1", "conductor-2", "conductor-3")
MONITORS = ("monitor-1", "monitor-2")
APIS = ("api-1", "api-2")
BRIDGES = ("bridge-1", "bridge-2")
NOTIFIERS = ("notifier-1", "notifier-2")
SIDE_PROCESSES = (*APIS, *BRIDGES, *NOTIFIERS)
"""Only where a fleet is upgraded."""
STEPPED = ("conductor-3", "monitor-2")
"""The processes whose clock can be set: they are started with a clock of their own."""

SQLITE = "sqlite"
SERVERS = ("postgresql", "mariadb")
DATABASES = (SQLITE, *SERVERS)
GALERA = "galera"
"""A database that only the scenario with its name has."""
BACKUP = "backup"
UPGRADE = "upgrade"
FAILOVER = "failover"
REPLICATED = {f"{server}-pair": server for server in SERVERS}
"""The databases of that scenario: a server of each kind with a replica."""


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    victims: tuple[str, ...]
    databases: tuple[str, ...] = DATABASES
    weight: int = 2


KINDS = (
    Kind("kill", (*CONDUCTORS, *MONITORS, "envoy"), weight=6),
    Kind("pause", (*CONDUCTORS, *MONITORS), weight=5),
    Kind("restart", CONDUCTORS),
    Kind("cut-to", CONDUCTORS, weight=2),
    Kind("cut-from", CONDUCTORS, weight=2),
    Kind("away", ("conductors",), weight=1),
    Kind("monitors-away", ("monitors",), weight=1),
    Kind("uplink", ("uplink",)),
    Kind("drain", MONITORS),
    Kind("clock", MONITORS[1:], (SQLITE,)),
    Kind("clock", STEPPED, SERVERS),
    Kind("database-kill", ("database",), SERVERS, weight=1),
    Kind("database-pause", ("database",), SERVERS, weight=1),
    Kind("database-cut-to", ("database",), SERVERS, weight=1),
    Kind("database-cut-from", ("database",), SERVERS, weight=1),
    Kind("database-gone", ("database",), (SQLITE,)),
    Kind("database-locked", ("database",), (SQLITE,)),
    Kind("disk-full", ("database",), (SQLITE,), weight=3),
)


@dataclass(frozen=True, slots=True)
class Planned:
    number: int
    at_s: float
    """Time after the start of the faults."""
    kind: str
    victim: str
    for_s: float

    @property
    def until_s(self) -> float:
        return self.at_s + self.for_s


def schedule(seed: int, database: str, length_s: float, *, without: frozenset[str] = frozenset()) -> list[Planned]:
    """Plan faults for `length_s`: at most two at a time, and never two with one victim."""
    random = Random(f"faults {seed}")
    kinds = [kind for kind in KINDS if database in kind.databases and kind.name not in without]
    plan: list[Planned] = []
    at_s = random.uniform(*_GAP_S)
    while at_s < length_s:
        kind = random.choices(kinds, [kind.weight for kind in kinds])[0]
        victim = random.choice(kind.victims)
        for_s = min(random.uniform(*_EXCEPTIONS_S.get(kind.name, LASTS_S)), length_s - at_s)
        active = [one for one in plan if one.until_s > at_s]
        if len(active) < _AT_ONCE and not any(_collide(victim, one.victim) for one in active):
            plan.append(Planned(len(plan) + 1, round(at_s, 3), kind.name, victim, round(for_s, 3)))
        at_s += random.uniform(*_GAP_S)
    return plan


def _collide(one: str, other: str) -> bool:
    # While all conductors are away, no fault can happen to a conductor; likewise for the monitors.
    return any(group in (one, other) and _group(one) == _group(other) for group in _GROUPS) or one == other


def _group(victim: str) -> str:
    return f"{victim.partition('-')[0].removesuffix('s')}s"
