"""Defines the script of the demo: three endpoints, and when each of them goes and comes back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scene(StrEnum):
    SERVES = "serves"
    FAILS = "answers 503"
    GONE = "does not listen"


@dataclass(frozen=True, slots=True)
class DemoStep:
    after_s: float
    """Time since the previous step."""
    name: str
    scene: Scene


NAMES = ("demo-north", "demo-south", "demo-west")

SCRIPT = (
    DemoStep(3.0, "demo-south", Scene.GONE),
    DemoStep(5.0, "demo-west", Scene.FAILS),
    DemoStep(4.0, "demo-south", Scene.SERVES),
    DemoStep(5.0, "demo-west", Scene.SERVES),
    DemoStep(4.0, "demo-north", Scene.GONE),
    DemoStep(6.0, "demo-north", Scene.SERVES),
)
"""Repeated until the demo ends."""
