"""Defines a door of the fleet: a place where requests from outside arrive."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol

from tests.fuzz.doors.verdicts import Reply


class Door(Protocol):
    @property
    def kinds(self) -> Sequence[str]:
        """Names of the requests that are counted separately, such as the RPCs."""

    def good(self, kind: str) -> Sequence[bytes]:
        """Return correct inputs."""

    def make(self, random: Random, kind: str) -> bytes:
        """Make up an odd input."""

    def send(self, kind: str, data: bytes) -> Reply:
        """Send an input and wait for the outcome. Raises nothing, whatever the other side does."""

    def allowed_cpu_s(self, data: bytes) -> float:
        """Return the CPU that an input may take of each process."""
