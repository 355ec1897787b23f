"""The threads for TLS handshakes, for tests of what needs them without a host."""

from __future__ import annotations

import time
from collections.abc import Callable

from vimesh.monitor.probes.tls.handshake_costs import HandshakeCosts
from vimesh.monitor.probes.tls.handshakes import Handshakes
from vimesh.monitor.targets.target import Target


def handshake_threads(on_costly: Callable[[Target, float], None] = lambda _, __: None) -> Handshakes:
    """To be entered."""
    return Handshakes(clock=time.monotonic, costs=HandshakeCosts(time.monotonic), on_costly=on_costly)
