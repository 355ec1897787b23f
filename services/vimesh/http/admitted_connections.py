"""Ends connections of callers without the certificate that is asked for, before anything of their requests is read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

from vimesh.certificates.spiffe_ids import SpiffeId
from vimesh.http.server_tls import ServerTls
from vimesh.runtime.complaint_log import ComplaintLog

IDENTITY: Final = "identity"
"""Key of the caller's SPIFFE id in the state that the application is given with a request."""


def protocol_for(tls: ServerTls, admits: Callable[[SpiffeId], bool], complaint: str) -> type[H11Protocol]:
    """Return the protocol of connections by TLS. `complaint`: what is logged about a caller that is not admitted."""
    strangers = ComplaintLog(complaint)

    class AdmittedConnection(H11Protocol):
        _admitted = False

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
            super().connection_made(transport)
            identity = tls.identify(transport.get_extra_info("peercert"))
            if identity is not None and admits(identity):
                self._admitted = True
                self.app_state = {IDENTITY: identity}
            else:
                strangers.add(peer=transport.get_extra_info("peername"))
                transport.abort()

        def data_received(self, data: bytes) -> None:
            if self._admitted:
                super().data_received(data)

    return AdmittedConnection
