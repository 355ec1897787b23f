"""Finds free ports."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

from vimesh.cli.base.exits import Failure


def free_port(host: str) -> int:
    """Return a port that was free a moment ago. The caller must cope with losing the race for it."""
    return free_ports(host, 1)[0]


def free_ports(host: str, count: int) -> list[int]:
    """Return different ports that were free a moment ago."""
    with ExitStack() as scope:
        probes = [scope.enter_context(_socket(host)) for _ in range(count)]
        for probe in probes:
            probe.bind((host, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def require_free(host: str, port: int) -> None:
    """Raise Failure, with a hint, unless a process could listen there now."""
    try:
        with _socket(host) as probe:
            # Servers set this, too, so connections in TIME_WAIT do not block the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Failure(
                f"port {port} on {host} is in use",
                hint="is another fleet running? stop it, or choose another port with --port",
            ) from error
        hint = "choose an address of this machine with --listen, and a port above 1023 with --port"
        raise Failure(f"cannot listen on {host} port {port}: {error.strerror}", hint=hint) from error


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
