"""Provides the threads for TLS handshakes, for tests of the code that needs them without a host."""

from __future__ import annotations

import time
from collections.abc import Callable

from vimesh.monitor.probes.tls.handshake_costs import HandshakeCosts
from vimesh.monitor.probes.tls.handshakes import Handshakes
from vimesh.monitor.targets.target import Target


def handshake_threads(on_costly: Callable[[Target, float], None] = lambda _, __: None) -> Handshakes:
    """Return a context manager that runs the threads."""
    return Handshakes(clock=time.monotonic, costs=HandshakeCosts(time.monotonic), on_costly=on_costly)
