"""The seam between rounds, which decide when to probe, and probers, which know how."""

from __future__ import annotations

from typing import Protocol

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.targets.target import Target


class LocalFault(Exception):
    """The prober could not send: nothing is known about the VIM (G12)."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class FilesExhausted(LocalFault):
    """There is no file for another socket."""


class Listener(Protocol):
    """Who hears what became of probes. Never sends from within these calls."""

    def answered(self, target: Target, number: int, round_trip_s: float) -> None:
        """Probe `number` of the open round got an answer.

        `round_trip_s`: without the time in which this process could not have read it, which is not the VIM's.
        """

    def failed(self, target: Target, number: int, reason: str, detail: str) -> None:
        """Probe `number` of the open round failed, and that is the VIM's doing."""

    def departs(self, target: Target) -> int:
        """A probe that waited for its turn is being sent now. Returns its number."""

    def faulted(self, target: Target, reason: str, detail: str) -> None:
        """A probe that departed was not sent, or got lost here: it says nothing about the VIM."""


class Prober(Protocol):
    """Sends probes of one kind."""

    def send(self, target: Target, number: int, address: ProbeAddress) -> bool:
        """Send a probe of the target's open round, or say False if it must wait for its turn. Raises LocalFault."""

    def unsent(self, target: Target) -> LocalFault | None:
        """Say what kept every silent probe of the open round from leaving this machine; None: one may have left."""

    def hang_up(self, target: Target) -> None:
        """Give up the probes under way, but not one that waits for its turn."""

    def forget(self, target: Target) -> None:
        """Give up every probe of the target: its round is over."""

    def dismiss(self, target: Target) -> None:
        """Close what is kept for the target between its rounds: it is probed no more."""
