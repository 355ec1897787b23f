"""For cohorts that only read: nothing is sent."""

from __future__ import annotations

from array import array

from vimesh.monitor.targets.target import Target


class NoVolleys:
    """The prober of cohorts that must not send."""

    def reaches(self, family: int) -> bool:  # noqa: ARG002 - a prober's signature
        return True

    def send_volley(self, family: int, tokens: array[int], sockaddrs: bytes) -> list[int]:
        raise AssertionError(f"a volley was sent: {family}, {tokens}, {sockaddrs!r}")

    def adopt(self, target: Target, token: int, sent_at: float) -> None:
        """Do nothing: the round continues on its own."""
