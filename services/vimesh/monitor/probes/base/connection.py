"""One TCP connection of one probe, from connect to outcome, without blocking."""

from __future__ import annotations

import errno
import select
import socket
import struct

from vimesh.domain.probing import Reason
from vimesh.monitor.net.ephemeral_ports import ephemeral_ports
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.errno_reasons import local_fault, remote_failure
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

# Closing resets the connection, because connections in TIME_WAIT would use up the ports.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_NETWORK_ANSWERED = {errno.ECONNREFUSED, errno.ECONNRESET, errno.ETIMEDOUT}


class Connection:
    """A probe that is answered once connected. Subclasses override `on_established` to go further."""

    __slots__ = (
        "_clock",
        "_connected",
        "address",
        "fd",
        "interest",
        "number",
        "outcome",
        "sent_at",
        "socket",
        "target",
    )

    reads = False
    """Whether it reads from the peer and occupies a worker of the server: connecting alone does neither."""
    is_reused = False
    """Whether the probe uses a kept connection: a failure must then be confirmed on a new one."""

    def __init__(self, target: Target, number: int, address: ProbeAddress, clock: Clock) -> None:
        """Create the socket, without connecting it. Raises LocalFault if that fails."""
        self.target = target
        self.number = number
        self.address = address
        self.interest = select.EPOLLOUT
        self.outcome: float | tuple[str, str] | None = None
        """Seconds until the answer, or reason and detail of the failure; None while the probe is under way."""
        self.sent_at = 0.0
        """When the probe was first sent, on this connection or on an earlier one."""
        self._clock = clock
        self._connected = False
        try:
            self.socket = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            raise local_fault(error.errno or 0) from error
        self.fd = self.socket.fileno()

    def start(self, since: float | None = None) -> None:
        """Send the connection request. `since`: when the probe was first sent, if not now. Raises LocalFault."""
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.sent_at = self._clock() if since is None else since
        number = self.socket.connect_ex(self.address.sockaddr)
        if number in _NETWORK_ANSWERED:
            self.fail(*remote_failure(number))
        elif number not in (0, errno.EINPROGRESS):
            raise local_fault(number)

    def advance(self) -> None:
        """Advance as far as possible. Call this when the socket is ready for `interest`. Raises LocalFault."""
        if self._connected:
            self.proceed()
            return
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self.fail(*remote_failure(number))
            return
        if self._is_to_itself():
            self.fail(Reason.REFUSED, "nothing listens there: the connection was made to itself")
            return
        self._connected = True
        self.on_established()

    def _is_to_itself(self) -> bool:
        """Return whether the socket is connected to itself, because the kernel chose the probed port as its own."""
        port = self.address.sockaddr[1]
        if port not in ephemeral_ports():
            return False
        own = self.socket.getsockname()
        try:
            return bool(own[1] == port and own == self.socket.getpeername())
        except OSError:
            return False  # the peer has already reset it, so there is one

    def on_established(self) -> None:
        """Handle the established connection: a TCP probe is answered now."""
        self.succeed()

    def proceed(self) -> None:
        """Continue when the socket of an established connection is ready again."""

    def succeed(self) -> None:
        self.outcome = max(0.0, self._clock() - self.sent_at)

    def fail(self, reason: str, detail: str) -> None:
        self.outcome = (reason, detail)

    def own_fault(self) -> LocalFault | None:
        """Return the local fault that explains the probe's silence; None: the silence is the VIM's."""
        return None

    def close(self) -> None:
        self.socket.close()
