"""A door of the fleet: where requests come in that somebody else made."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol

from tests.fuzz.doors.verdicts import Reply


class Door(Protocol):
    @property
    def kinds(self) -> Sequence[str]:
        """Name the requests that are counted apart, such as the RPCs."""

    def good(self, kind: str) -> Sequence[bytes]:
        """Return inputs as they should be."""

    def make(self, random: Random, kind: str) -> bytes:
        """Make up an odd input."""

    def send(self, kind: str, data: bytes) -> Reply:
        """Send an input and wait for what comes of it. Nothing is raised for what the other side does."""

    def allowed_cpu_s(self, data: bytes) -> float:
        """Say what CPU an input may take of each process."""
