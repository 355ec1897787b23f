"""Probes by HTTP GET, judged by the status line: enough to know that the API answers."""

from __future__ import annotations

import select
import ssl

from vimesh.domain.conditions.services import Service, is_api_server
from vimesh.domain.endpoints import Endpoint
from vimesh.domain.probing import Reason
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.base.errno_reasons import remote_failure
from vimesh.monitor.probes.base.sightings import NoSightings, Sightings
from vimesh.monitor.probes.http.http_response import Answer, code_if_plain, plain_answer
from vimesh.monitor.probes.http.response_body import ResponseBody
from vimesh.monitor.probes.http.status_line import NotHttp
from vimesh.monitor.probes.tls.tls_trust import tls_failure
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

_NO_SIGHTINGS = NoSightings()
# Bounds the work of one turn of the loop: epoll reports again whatever is left in the socket.
_PIECE_BYTES = 16 * 1024


def get_request(endpoint: Endpoint, user_agent: str, *, keep: bool) -> bytes:
    """Return the GET request of a probe. `keep`: leave the connection open, as HTTP/1.1 does by default."""
    ending = "" if keep else "Connection: close\r\n"
    return (
        f"GET {endpoint.path} HTTP/1.1\r\nHost: {endpoint.authority}\r\nUser-Agent: {user_agent}\r\n"
        f"Accept: */*\r\n{ending}\r\n"
    ).encode("ascii")


class HttpConnection(Connection):
    """A probe that is answered by an HTTP status below 500. Redirects count as answers and are not followed.

    After its outcome it may stay open: the rest of the answer is read, then it is idle until the next probe.
    """

    __slots__ = (
        "_answer",
        "_judges_service",
        "_request",
        "_sightings",
        "_unsent",
        "is_reused",
        "proven_at",
        "renew_at",
    )

    encrypted = False
    reads = True

    def __init__(  # noqa: PLR0913, PLR0917 - all parts of a connection are passed in
        self,
        target: Target,
        number: int,
        address: ProbeAddress,
        clock: Clock,
        user_agent: str,
        life_s: float,
        sightings: Sightings = _NO_SIGHTINGS,
    ) -> None:
        """`life_s`: for how many seconds from now the connection may be reused; 0: never."""
        super().__init__(target, number, address, clock)
        self._sightings = sightings
        self._judges_service = target.service is not None
        self.renew_at = clock() + life_s if life_s else 0.0
        self.is_reused = False
        self.proven_at = 0.0
        """When its server was seen to have spare workers; 0: never."""
        self._request = self._unsent = get_request(target.endpoint, user_agent, keep=life_s > 0)
        self._answer: Answer | None = None
        """An answer that is not read to its end yet; None: none has started, or it is complete."""

    def on_established(self) -> None:
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
        """Send the request or read one piece of the answer. Raises the socket's error when it is not ready.

        Only one, however many there are: all VIMs share the loop, and epoll reports again what is left.
        """
        if not self._unsent:
            self._judge(self.receive())
            return
        while self._unsent:
            self._unsent = self._unsent[self.send(self._unsent) :]
        self.interest = select.EPOLLIN

    def send(self, data: bytes) -> int:
        """Send as much as the socket takes; return the number of bytes. Raises SSLWantWriteError if it takes none."""
        try:
            return self.socket.send(data)
        except BlockingIOError as error:
            raise ssl.SSLWantWriteError from error

    def receive(self) -> bytes:
        """Return the data that has arrived; empty: the server closed. Raises the socket's error when there is none.

        Any more data stays in the socket, where epoll reports it.
        """
        return self.socket.recv(_PIECE_BYTES)

    def reuse(self, number: int) -> bool:
        """Send another probe on this connection; False: it is too old, or does not take the whole request at once."""
        now = self._clock()
        if now >= self.renew_at:
            return False
        self.number = number
        self.outcome = None
        self.is_reused = True
        self.sent_at = now
        try:
            return self.send(self._request) == len(self._request)
        except OSError:
            return False

    @property
    def is_idle(self) -> bool:
        """Whether the answer was read to its end."""
        return self._answer is None

    @property
    def is_expired(self) -> bool:
        """Whether the connection is too old to be reused."""
        return self._clock() >= self.renew_at

    @property
    def may_stay_open(self) -> bool:
        """Whether the connection may stay open after its probe was answered."""
        return self.renew_at > 0 and (self._answer is None or not self._answer.rules_out_reuse)

    def read_rest(self) -> bool:
        """Continue reading after the outcome; False: the connection cannot be used again."""
        try:
            piece = self.receive()
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        if self._answer is None:
            return False  # no request is open: the server closed, or sent data that is not the next probe's answer
        was_awaited = self.awaits_body
        self._answer.feed(piece)
        if was_awaited and not self.awaits_body:
            self._note_answer(self._answer)
        if self._answer.is_complete:
            self._answer = None
            return True
        return self.awaits_body or not self._answer.rules_out_reuse

    @property
    def awaits_body(self) -> bool:
        """Whether the rest of an answer matters whose status has been judged."""
        return self._answer is not None and self._answer.body is not None and not self._answer.body.is_over

    def note_unfinished(self) -> None:
        """Note that the rest of the answer has not come in time."""
        if self._answer is not None and self.awaits_body:
            self._sightings.note_answer(self.target, self._answer.code, None)

    def _judge(self, piece: bytes) -> None:
        if self._judges_service:
            self._judge_service(piece)
            return
        if self._answer is None:
            if self.renew_at and (code := code_if_plain(piece)):
                self._conclude(code)
                return
            if not piece:
                self.fail(Reason.RESET, "closed without an answer")
                return
            self._answer = Answer(follow=self.renew_at > 0)
        try:
            self._answer.feed(piece)
        except NotHttp as error:
            self.fail(Reason.PROTOCOL, str(error))
            return
        if self._answer.code:
            self._conclude(self._answer.code)
            if self._answer.is_complete:
                self._answer = None

    def _judge_service(self, piece: bytes) -> None:
        """Judge the body, too. Only an error of an API server needs it for its outcome: the others come at once."""
        if self._answer is None:
            if (plain := plain_answer(piece)) is not None:
                self._sightings.note_answer(self.target, *plain)
                self._conclude_service(*plain)
                return
            if not piece:
                self.fail(Reason.RESET, "closed without an answer")
                return
            self._answer = Answer(body=ResponseBody())
        answer = self._answer
        try:
            answer.feed(piece)
        except NotHttp as error:
            self.fail(Reason.PROTOCOL, str(error))
            return
        if not answer.code:
            return
        if self.awaits_body:
            if answer.code < 500:
                self._conclude(answer.code)
            elif self.target.service is not Service.KUBERNETES:
                self._sightings.note_answer(self.target, answer.code, b"")
                self._conclude(answer.code)
            return
        self._note_answer(answer)
        self._conclude_service(answer.code, b"" if answer.body is None else answer.body.content)
        if answer.is_complete:
            self._answer = None

    def _note_answer(self, answer: Answer) -> None:
        if answer.body is not None:
            self._sightings.note_answer(self.target, answer.code, answer.body.content)

    def _conclude_service(self, code: int, body: bytes) -> None:
        if self.target.service is Service.KUBERNETES and is_api_server(code, body):
            self.succeed()  # it can be reached, and says itself that it is not ready
        else:
            self._conclude(code)

    def _conclude(self, code: int) -> None:
        if code < 500:
            self.succeed()
        else:
            self.fail(Reason.http(code), f"the API answers {code}")
