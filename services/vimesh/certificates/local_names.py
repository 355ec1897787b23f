"""Names this machine, for the certificates of what is reached on it."""

from __future__ import annotations

import socket


def names_of_this_machine() -> tuple[str, ...]:
    """Return the host names and IP addresses that local clients use, and the machine's own host name."""
    return "localhost", "127.0.0.1", "::1", socket.gethostname()
