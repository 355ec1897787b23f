"""Makes the connections of probes while there is room for them."""

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
    """What stands in reserve makes room for probes, but not for trials."""

    def __init__(
        self, *, connect: Connect, limit: SocketLimit, open_now: Sized, keeper: ConnectionKeeper, faults: FaultLog
    ) -> None:
        """`open_now`: all sockets that count."""
        self._connect = connect
        self._limit = limit
        self._open_now = open_now
        self._keeper = keeper
        self._faults = faults

    def has_room(self) -> bool:
        """Say whether one more may be made for a probe."""
        while not self._limit.allows(len(self._open_now)):
            if not self._keeper.give_way():
                return False
        return True

    def make(self, target: Target, number: int, address: ProbeAddress) -> Connection:
        """Make a connection, if need be with the file of one that is kept. Raises LocalFault."""
        while True:
            try:
                return self._connect(target, number, address)
            except FilesExhausted:
                if not self._keeper.give_way():
                    self._limit.lower(len(self._open_now))
                    self._keeper.vacate(target, address)
                    raise
            except Exception as error:
                self._keeper.vacate(target, address)
                raise self._faults.name(target, error) from error

    def make_for_trial(self, target: Target, address: ProbeAddress) -> HttpConnection | None:
        """Make a connection that may stand; None: there is no room for it. Raises LocalFault."""
        if not self._limit.allows(len(self._open_now)):
            return None
        try:
            connection = self._connect(target, TRIAL, address)
        except Exception as error:
            raise self._faults.name(target, error) from error
        if isinstance(connection, HttpConnection) and connection.renew_at:
            return connection
        connection.close()
        return None
