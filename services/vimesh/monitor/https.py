"""HTTP GET through TLS."""

from __future__ import annotations

import ssl

from vimesh.monitor.addresses import Address
from vimesh.monitor.http import HttpConnection
from vimesh.monitor.running_clock import Clock
from vimesh.monitor.target import Target


class HttpsConnection(HttpConnection):
    """As over TCP, when the TLS session stands."""

    __slots__ = ("_context", "_shaking")

    encrypted = True

    def __init__(  # noqa: PLR0913, PLR0917 - a connection is what it is made of
        self,
        target: Target,
        number: int,
        address: Address,
        clock: Clock,
        user_agent: str,
        life_s: float,
        context: ssl.SSLContext,
    ) -> None:
        super().__init__(target, number, address, clock, user_agent, life_s)
        self._context = context
        self._shaking = False

    def exchange(self) -> None:
        if not isinstance(self.socket, ssl.SSLSocket):
            name = self.target.endpoint.host.removesuffix(".")
            # Takes the descriptor over, number and all.
            self.socket = self._context.wrap_socket(self.socket, do_handshake_on_connect=False, server_hostname=name)
            self._shaking = True
        if self._shaking and isinstance(self.socket, ssl.SSLSocket):
            self.socket.do_handshake()
            self._shaking = False
        super().exchange()
