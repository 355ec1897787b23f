"""What a fleet has beside conductors, fronts and monitors when it is upgraded: api processes, bridges and notifiers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.robustness.schedule import APIS, BRIDGES, NOTIFIERS
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from vimesh.cli.local_fleet.fleet_processes import ApiPart, Environment, Members, NotifierPart, Ways
from vimesh.cli.supervision.start_process import Program, vimesh
from vimesh.cli.supervision.supervised_process import Part
from vimesh.domain.vims import Engine


@dataclass(frozen=True, slots=True)
class BridgePart:
    name: str
    address: str
    broker_url: str
    state: Path
    environment: Environment

    def prepare(self) -> Program:
        arguments = ("bridge", "--address", self.address, "--state-dir", str(self.state))
        return Program(vimesh(*arguments), {**self.environment, "VIMESH_BRIDGE_TRANSPORT_URL": self.broker_url})

    async def ready(self) -> None:
        """Return at once: calls wait at the broker for whichever bridge is there."""

    def ended(self) -> None:
        """Do nothing: the broker notices."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What they need of the world around them."""

    fronts: tuple[str, ...]
    """The addresses of as many fronts as there are processes of each kind: each process knows one."""
    doors: Members
    broker_url: str
    folder: Path
    environment: Environment


def side_processes(around: Neighbours) -> Iterator[Part]:
    """Yield the parts, in the order in which they are replaced."""
    for name, front in zip(APIS, around.fronts, strict=True):
        yield _api(name, front, around)
    for name, front in zip(BRIDGES, around.fronts, strict=True):
        yield BridgePart(name, front, around.broker_url, around.folder / name, around.environment)
    for name, front in zip(NOTIFIERS, around.fronts, strict=True):
        yield NotifierPart(front, around.environment, LOOPBACK_RULES, name=name)


def _api(name: str, front: str, around: Neighbours) -> ApiPart:
    socket = around.folder / f"{name}.socket"
    part = ApiPart(Ways(front, front), socket, around.doors, around.environment, engine=Engine.EMBEDDED, mistral_url="")
    part.name = name
    return part
