"""Finds free ports, and keeps them free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from vimesh.cli.base.exits import Failure


def free_ports(host: str, count: int) -> list[int]:
    """Return different ports that were free a moment ago. The caller must cope with losing the race for them."""
    with ExitStack() as scope:
        probes = [scope.enter_context(_socket(host)) for _ in range(count)]
        for probe in probes:
            probe.bind((host, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


@contextmanager
def front_port(host: str, wanted: int) -> Generator[int]:
    """Yield the port of the front: the wanted one, or for 0 one that no other process gets while the block runs.

    Raises Failure, with a hint, if the wanted port is in use.
    """
    if wanted:
        require_free(host, wanted)
        yield wanted
        return
    with _socket(host) as reservation:
        # The front sets this, too, so it can listen on the port: a socket that is bound, and does not listen, is not in
        # its way and gets no connections. But the kernel gives the port to nobody who asks for any free one.
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with _explained(host, 0):
            reservation.bind((host, 0))
        yield int(reservation.getsockname()[1])


def require_free(host: str, port: int) -> None:
    """Raise Failure, with a hint, unless a process could listen there now."""
    with _explained(host, port), _socket(host) as probe:
        # Servers set this, too, so connections in TIME_WAIT do not block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        probe.listen(1)


@contextmanager
def _explained(host: str, port: int) -> Generator[None]:
    try:
        yield
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
