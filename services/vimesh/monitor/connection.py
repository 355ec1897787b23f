"""One TCP connection of one probe: from connect to its outcome, without ever blocking."""

from __future__ import annotations

import errno
import select
import socket
import struct

from vimesh.monitor.addresses import Address
from vimesh.monitor.faults import local_fault, remote_failure
from vimesh.monitor.running_clock import Clock
from vimesh.monitor.target import Target

# Closing resets the connection: no TIME_WAIT is left behind that would use up ports.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_NETWORK_ANSWERED = {errno.ECONNREFUSED, errno.ECONNRESET, errno.ETIMEDOUT}


class Connection:
    """A probe that is answered once the connection is made. Others build on it: see `established`."""

    __slots__ = (
        "_address",
        "_clock",
        "_connected",
        "_sent_at",
        "fd",
        "interest",
        "number",
        "outcome",
        "socket",
        "target",
    )

    def __init__(self, target: Target, number: int, address: Address, clock: Clock) -> None:
        """Raises LocalFault if there is no socket to be had."""
        self.target = target
        self.number = number
        self.interest = select.EPOLLOUT
        self.outcome: float | tuple[str, str] | None = None
        """How long the answer took, or reason and detail of the failure; None while the probe is under way."""
        self._address = address
        self._clock = clock
        self._connected = False
        self._sent_at = 0.0
        try:
            self.socket = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            raise local_fault(error.errno or 0) from error
        self.fd = self.socket.fileno()

    def start(self) -> None:
        """Send the connection request. Raises LocalFault."""
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._sent_at = self._clock()
        number = self.socket.connect_ex(self._address.sockaddr)
        if number in _NETWORK_ANSWERED:
            self.fail(*remote_failure(number))
        elif number not in (0, errno.EINPROGRESS):
            raise local_fault(number)

    def advance(self) -> None:
        """Go as far as possible; called when the socket is ready for what `interest` says. Raises LocalFault."""
        if self._connected:
            self.proceed()
            return
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self.fail(*remote_failure(number))
            return
        self._connected = True
        self.established()

    def established(self) -> None:
        """The connection stands."""
        self.succeed()

    def proceed(self) -> None:
        """Go on after the connection stood and the socket got ready again."""

    def succeed(self) -> None:
        self.outcome = max(0.0, self._clock() - self._sent_at)

    def fail(self, reason: str, detail: str) -> None:
        self.outcome = (reason, detail)

    def close(self) -> None:
        self.socket.close()
