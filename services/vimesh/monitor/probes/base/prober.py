"""The seam between rounds, which decide when to probe, and probers, which know how."""

from __future__ import annotations

from typing import Protocol

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.targets.target import Target


class LocalFault(Exception):
    """The prober could not send, so nothing is known about the VIM (G12)."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class FilesExhausted(LocalFault):
    """No file descriptor is left for another socket."""


class Listener(Protocol):
    """Receives the outcomes of probes. Must not send from within these calls."""

    def record_answer(self, target: Target, number: int, round_trip_s: float) -> None:
        """Note the answer to probe `number` of the open round.

        `round_trip_s` excludes time in which this process could not have read the answer.
        """

    def record_failure(self, target: Target, number: int, reason: str, detail: str) -> None:
        """Note that probe `number` of the open round failed, which counts against the VIM."""

    def record_departure(self, target: Target) -> int:
        """Note that a queued probe is being sent now; return its number."""

    def record_fault(self, target: Target, reason: str, detail: str) -> None:
        """Note that a departed probe was not sent, or was lost on this machine: it proves nothing about the VIM."""


class Prober(Protocol):
    """Sends probes of one kind."""

    def send(self, target: Target, number: int, address: ProbeAddress) -> bool:
        """Send a probe of the target's open round; return False if it is queued instead. Raises LocalFault."""

    def find_local_fault(self, target: Target) -> LocalFault | None:
        """Return what kept every silent probe of the open round on this machine; None: one may have left."""

    def abandon_sent(self, target: Target) -> None:
        """Abandon the probes under way, but not a queued one."""

    def end_round(self, target: Target) -> None:
        """Abandon every probe of the target, because its round is over."""

    def dismiss(self, target: Target) -> None:
        """Close everything kept for the target between rounds, because it is no longer probed."""

    def join_cohort(self, target: Target) -> bool:
        """Probe a steady target together with others from now on; False if it must have rounds of its own."""

    def leave_cohort(self, target: Target) -> None:
        """Undo this: the target has rounds of its own from now on."""
