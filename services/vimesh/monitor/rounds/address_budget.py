"""Limits how often one address is probed, however many VIMs and names lead to it."""

from __future__ import annotations

ROUNDS_PER_S = 100.0
"""Rounds per second that may start at one IP address."""
BURST_S = 1.0
"""Seconds' worth of rounds that may start at once."""
_SWEEP_MIN = 4096


class AddressBudget:
    """Hands out turns at each address, first come, first served. Rounds above the budget are delayed.

    Addresses whose turns are over are swept, so its memory follows the rounds per second.
    """

    def __init__(self, rounds_per_s: float = ROUNDS_PER_S) -> None:
        self._turn_s = 1 / rounds_per_s
        self._free_at: dict[str, float] = {}
        self._sweep_at = _SWEEP_MIN

    def __len__(self) -> int:
        """Return the number of addresses kept."""
        return len(self._free_at)

    def take_turn(self, ip: str, now: float) -> float:
        """Return in how many seconds the next round may start at the address."""
        free_at = self._free_at.get(ip, now)
        if free_at > now:
            self._free_at[ip] = free_at + self._turn_s
            return max(0.0, free_at - now - BURST_S)
        self._free_at[ip] = now + self._turn_s
        if len(self._free_at) >= self._sweep_at:
            self._sweep(now)
        return 0.0

    def _sweep(self, now: float) -> None:
        self._free_at = {ip: free_at for ip, free_at in self._free_at.items() if free_at > now}
        self._sweep_at = max(_SWEEP_MIN, 2 * len(self._free_at))
