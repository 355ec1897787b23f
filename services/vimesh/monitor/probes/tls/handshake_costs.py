"""Tracks the servers whose TLS handshakes cost too much CPU, and limits what they may use together."""

from __future__ import annotations

import itertools

from vimesh.domain.probing import Reason
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.scheduling.stall_clock import Clock

COSTLY_S = 0.05
"""CPU time that makes a handshake costly: usual ones take a millisecond."""
SHARE = 0.05
"""Share of a core that all costly handshakes together may take in the long run."""
BURST_S = 1.0
"""CPU time that they may take at once after a time without any."""
MEMORY_S = 600.0
"""How long a server counts as costly after its last costly handshake."""
_MOST_REMEMBERED = 4096


class HandshakeCosts:
    """Remembers servers by their addresses. `is_costly` may be called from other threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # In the order of the last costly handshake, oldest first.
        self._costly: dict[ProbeAddress, tuple[float, float]] = {}
        """The CPU seconds of the handshake, and when the entry expires."""
        self._left_s = BURST_S
        self._filled_at = clock()

    def is_costly(self, address: ProbeAddress) -> bool:
        entry = self._costly.get(address) if self._costly else None
        return entry is not None and self._clock() < entry[1]

    def admit(self, address: ProbeAddress) -> None:
        """Check whether a handshake may start. Raises LocalFault if the server is costly and no CPU time is left."""
        if not self._costly or not self.is_costly(address):
            return
        self._fill()
        if self._left_s <= 0:
            cpu_s, _ = self._costly[address]
            detail = f"its TLS handshakes cost too much CPU: {cpu_s * 1000:.0f} ms"
            raise LocalFault(Reason.LOCAL_RESOURCES, detail)

    def record(self, address: ProbeAddress, step_s: float, handshake_s: float) -> bool:
        """Record the CPU seconds of a step and of its handshake so far; return whether the handshake is costly."""
        if handshake_s >= COSTLY_S:
            self._costly.pop(address, None)
            self._costly[address] = (handshake_s, self._clock() + MEMORY_S)
            for oldest in tuple(itertools.islice(self._costly, max(0, len(self._costly) - _MOST_REMEMBERED))):
                del self._costly[oldest]
        if self._costly and self.is_costly(address):
            self._fill()
            self._left_s -= step_s
        return handshake_s >= COSTLY_S

    def _fill(self) -> None:
        now = self._clock()
        self._left_s = min(BURST_S, self._left_s + (now - self._filled_at) * SHARE)
        self._filled_at = now
