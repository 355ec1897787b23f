"""One step of a TLS handshake, as a unit of work for a thread."""

from __future__ import annotations

import ssl
import time

from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.base.errno_reasons import defect
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.tls.tls_session import TlsSession
from vimesh.monitor.probes.tls.tls_trust import tls_failure


class HandshakeStep:
    """The computation for one piece of a server's handshake. It uses the session, but never the socket."""

    __slots__ = (
        "connection",
        "cpu_s",
        "failure",
        "is_cancelled",
        "is_computed",
        "is_costly",
        "queued_at",
        "received",
        "session",
        "waited_s",
    )

    def __init__(self, connection: Connection, session: TlsSession, received: bytes, queued_at: float) -> None:
        """`queued_at`: when it starts to wait for a thread; `received` is empty if the server closed."""
        self.connection = connection
        self.session = session
        self.received = received
        self.queued_at = queued_at
        self.waited_s = 0.0
        self.cpu_s = 0.0
        self.failure: tuple[str, str] | LocalFault | None = None
        self.is_computed = False
        self.is_costly = False
        """Whether it belongs to the thread of costly servers."""
        self.is_cancelled = False
        """Whether its probe has ended."""

    def compute(self) -> None:
        begun_s = time.thread_time()
        try:
            self.session.advance_handshake(self.received)
        except ssl.SSLError as error:
            self.failure = tls_failure(error)
        except Exception as error:  # noqa: BLE001 - the thread must survive for other handshakes
            self.failure = defect(error)
        self.cpu_s = time.thread_time() - begun_s
        self.session.cpu_s += self.cpu_s
        self.is_computed = True
