"""HTTP(S) GET, read as far as the status line: enough to know that the API answers."""

from __future__ import annotations

import re
import select
import ssl

from vimesh.domain.endpoints import Endpoint
from vimesh.domain.probing import Reason
from vimesh.monitor.addresses import Address
from vimesh.monitor.connection import Connection
from vimesh.monitor.faults import remote_failure
from vimesh.monitor.running_clock import Clock
from vimesh.monitor.target import Target
from vimesh.monitor.tls import tls_failure

_STATUS_LINE = re.compile(rb"HTTP/\d\.\d ([1-9]\d\d)(?:[ \r\n]|$)")
_START = b"HTTP/"
_LONGEST_STATUS_LINE = 4096


def get_request(endpoint: Endpoint, user_agent: str) -> bytes:
    return (
        f"GET {endpoint.path} HTTP/1.1\r\nHost: {endpoint.authority}\r\nUser-Agent: {user_agent}\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    ).encode("ascii")


class HttpConnection(Connection):
    """A probe that is answered by an HTTP status below 500. Redirects are answers, and not followed."""

    __slots__ = ("_received", "_to_send")

    def __init__(self, target: Target, number: int, address: Address, clock: Clock, user_agent: str) -> None:
        super().__init__(target, number, address, clock)
        self._to_send = get_request(target.endpoint, user_agent)
        self._received = b""

    def established(self) -> None:
        self.proceed()

    def proceed(self) -> None:
        try:
            self.exchange()
        except (BlockingIOError, ssl.SSLWantReadError):
            self.interest = select.EPOLLIN
        except ssl.SSLWantWriteError:
            self.interest = select.EPOLLOUT
        except ssl.SSLError as error:
            self.fail(*tls_failure(error))
        except OSError as error:
            self.fail(*remote_failure(error.errno or 0))

    def exchange(self) -> None:
        """Send the request, read the answer. Raises what the socket raises when it is not ready."""
        while self._to_send:
            try:
                self._to_send = self._to_send[self.socket.send(self._to_send) :]
            except BlockingIOError as error:
                raise ssl.SSLWantWriteError from error
        while self.outcome is None:
            chunk = self.socket.recv(_LONGEST_STATUS_LINE)
            self._received += chunk
            self._judge(closed=not chunk)

    def _judge(self, *, closed: bool) -> None:
        received = self._received
        line_is_whole = b"\n" in received or closed or len(received) >= _LONGEST_STATUS_LINE
        if not received and closed:
            self.fail(Reason.RESET, "closed without an answer")
        elif not received.startswith(_START[: len(received)]):
            self.fail(Reason.PROTOCOL, "the answer is not HTTP")
        elif line_is_whole:
            self._judge_status_line(received)

    def _judge_status_line(self, received: bytes) -> None:
        match = _STATUS_LINE.match(received)
        if match is None:
            self.fail(Reason.PROTOCOL, "the answer has no HTTP status")
        elif (code := int(match[1])) < 500:
            self.succeed()
        else:
            self.fail(Reason.http(code), f"the API answers {code}")


class HttpsConnection(HttpConnection):
    """The same through TLS."""

    __slots__ = ("_context", "_shaking")

    def __init__(  # noqa: PLR0913, PLR0917 - a connection is what it is made of
        self,
        target: Target,
        number: int,
        address: Address,
        clock: Clock,
        user_agent: str,
        context: ssl.SSLContext,
    ) -> None:
        super().__init__(target, number, address, clock, user_agent)
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
