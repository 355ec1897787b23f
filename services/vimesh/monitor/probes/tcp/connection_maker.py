"""Makes the connections of probes within the socket limit."""

from __future__ import annotations

from collections.abc import Callable, Sized

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.base.errno_reasons import FaultLog
from vimesh.monitor.probes.base.prober import FilesExhausted
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.idle.connection_keeper import ConnectionKeeper
from vimesh.monitor.probes.idle.server_trials import TRIAL
from vimesh.monitor.probes.tcp.socket_limit import SocketLimit
from vimesh.monitor.targets.target import Target

Connect = Callable[[Target, int, ProbeAddress], Connection]


class ConnectionMaker:
    """Closes kept connections to make room for probes, but not for trials."""

    def __init__(
        self, *, connect: Connect, limit: SocketLimit, open_now: Sized, keeper: ConnectionKeeper, faults: FaultLog
    ) -> None:
        """`open_now`: the sockets that count towards the limit."""
        self._connect = connect
        self._limit = limit
        self._open_now = open_now
        self._keeper = keeper
        self._faults = faults

    def has_room(self) -> bool:
        """Return whether a probe may open one more socket; close kept connections if that is needed."""
        while not self._limit.allows(len(self._open_now)):
            if not self._keeper.close_oldest():
                return False
        return True

    def make(self, target: Target, number: int, address: ProbeAddress) -> Connection:
        """Make a connection, closing kept ones if no file descriptor is free. Raises LocalFault."""
        while True:
            try:
                return self._connect(target, number, address)
            except FilesExhausted:
                if not self._keeper.close_oldest():
                    self._limit.lower(len(self._open_now))
                    self._keeper.vacate(target, address)
                    raise
            except Exception as error:
                self._keeper.vacate(target, address)
                raise self._faults.to_fault(target, error) from error

    def make_for_trial(self, target: Target, address: ProbeAddress) -> HttpConnection | None:
        """Make a connection that can be kept; None: there is no room, or it cannot be kept. Raises LocalFault."""
        if not self._limit.allows(len(self._open_now)):
            return None
        try:
            connection = self._connect(target, TRIAL, address)
        except Exception as error:
            raise self._faults.to_fault(target, error) from error
        if isinstance(connection, HttpConnection) and connection.renew_at:
            return connection
        connection.close()
        return None
