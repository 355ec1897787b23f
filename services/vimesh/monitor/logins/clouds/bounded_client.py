"""A small HTTP client for logins: every address is judged before it is connected to, and every answer is bounded.

It follows no redirect, keeps no cookie, asks no proxy, and knows nothing of the environment.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, cast

import httptools

from vimesh.domain.endpoints import Endpoint
from vimesh.domain.probing import Reason
from vimesh.monitor.names.name_answers import LookupFailed, NoSuchName, Outcome
from vimesh.monitor.net.ip_addresses import IpHost, ProbeAddress, fixed_host
from vimesh.monitor.probes.base.errno_reasons import local_fault, remote_failure
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.probes.tls.tls_trust import tls_failure

MAX_BODY_BYTES: Final = 512 * 1024
"""A catalogue of 30 services in ten regions comes to some 250 KB."""
_MAX_OTHER_BYTES: Final = 64 * 1024
"""Headers and the framing of chunks."""
_MAX_HEADERS: Final = 200
_MAX_ADDRESSES: Final = 4
CONNECT_S: Final = 3.0
"""How long to wait for one address, before the next one is tried."""
_FINAL: Final = 200
_KEPT_HEADERS: Final = frozenset({b"x-subject-token"})

LookUpName = Callable[[str], Awaitable[Outcome]]


class ExchangeFailed(Exception):
    """The peer, or the way to it, failed. The text quotes nothing of what was exchanged."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[bytes, bytes]
    """Those that a login needs, by their names in lower case."""
    body: bytes


class _Answers(asyncio.Protocol):
    """Reads the answer to one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._lost: tuple[str, str] | None = None
        self._answer: asyncio.Future[HttpAnswer] | None = None
        self._read = asyncio.Event()
        """Set when the newest answer was read to its end, so that another request may be sent."""
        self._read.set()
        self._max_body = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent."""
        return self._lost is None and self._read.is_set()

    async def ask(self, request: bytes, max_body: int) -> HttpAnswer:
        """Send a request and return its answer, with at most `max_body` bytes of its body: the rest is not awaited.

        Raises ExchangeFailed.
        """
        if self._lost is not None or self._transport is None:
            raise ExchangeFailed(*(self._lost or (Reason.RESET, "closed without an answer")))
        self._answer = asyncio.get_running_loop().create_future()
        self._read.clear()
        self._begin(max_body)
        self._transport.write(request)
        return await self._answer

    async def drain(self) -> None:
        """Wait until the rest of an answer has come, or the connection has ended."""
        await self._read.wait()

    def _begin(self, max_body: int) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._max_body = max_body
        self._bytes_left = max_body + _MAX_OTHER_BYTES
        self._headers: dict[bytes, bytes] = {}
        self._header_count = 0
        self._body = bytearray()
        self._until_end = True
        """Whether only the end of the connection ends the answer, as far as its headers tell."""
        self._has_headers = False

    def data_received(self, data: bytes) -> None:
        if self._read.is_set():
            self._end(Reason.PROTOCOL, "sent what was not asked for")
            return
        self._bytes_left -= len(data)
        if self._bytes_left < 0:
            self._end(Reason.PROTOCOL, f"the answer is longer than {self._max_body} bytes")
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._end(Reason.PROTOCOL, "what it answers is not HTTP")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        if self._header_count > _MAX_HEADERS:
            raise ValueError
        lower = name.lower()
        if lower in _KEPT_HEADERS:
            self._headers[lower] = value
        elif lower in {b"content-length", b"transfer-encoding"}:
            self._until_end = False

    def on_headers_complete(self) -> None:
        self._has_headers = self._parser.get_status_code() >= _FINAL
        if self._has_headers and not self._max_body:
            self._conclude()

    def on_body(self, body: bytes) -> None:
        if len(self._body) + len(body) <= self._max_body:
            self._body += body
        elif self._max_body:
            self._end(Reason.PROTOCOL, f"the answer is longer than {self._max_body} bytes")

    def on_message_complete(self) -> None:
        if self._has_headers:
            self._conclude()
            self._read.set()
            if not self._parser.should_keep_alive():
                self._end(Reason.RESET, "closed")
        else:
            # An interim answer: the final one follows.
            self._headers, self._until_end = {}, True

    def eof_received(self) -> None:
        if self._answer is not None and not self._answer.done() and self._has_headers and self._until_end:
            self._conclude()
        self._end(Reason.RESET, "closed without an answer")

    def connection_lost(self, error: Exception | None) -> None:
        reason, detail = Reason.RESET, "closed without an answer"
        if isinstance(error, ssl.SSLError):
            reason, detail = tls_failure(error)
        elif isinstance(error, OSError) and error.errno:
            with suppress(LocalFault):
                reason, detail = remote_failure(error.errno)
        self._end(reason, detail)

    def _conclude(self) -> None:
        if self._answer is not None and not self._answer.done():
            status = self._parser.get_status_code()
            self._answer.set_result(HttpAnswer(status, self._headers, bytes(self._body)))

    def _end(self, reason: str, detail: str) -> None:
        if self._lost is None:
            self._lost = reason, detail
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ExchangeFailed(*self._lost))
        self._read.set()
        if self._transport is not None:
            self._transport.abort()


class Exchange:
    """A connection to one server, for requests one after the other."""

    def __init__(self, answers: _Answers, endpoint: Endpoint, user_agent: str) -> None:
        self._answers = answers
        self._head = f"Host: {endpoint.authority}\r\nUser-Agent: {user_agent}\r\n"

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent."""
        return self._answers.is_usable

    async def drain(self) -> None:
        """Wait until another request may be sent, or none ever. The caller limits the time."""
        await self._answers.drain()

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> HttpAnswer:
        """Ask for a path, and return the status of the answer without its body. Raises ExchangeFailed."""
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        request = f"GET {path} HTTP/1.1\r\n{self._head}Accept: application/json\r\n{more}\r\n"
        return await self._answers.ask(_encoded(request), 0)

    async def post_json(self, path: str, body: bytes) -> HttpAnswer:
        """Post a document, and return the answer. Raises ExchangeFailed."""
        request = (
            f"POST {path} HTTP/1.1\r\n{self._head}Accept: application/json\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return await self._answers.ask(_encoded(request) + body, MAX_BODY_BYTES)


def _encoded(request: str) -> bytes:
    try:
        return request.encode("ascii")
    except UnicodeEncodeError:
        raise ExchangeFailed(Reason.LOCAL_DEFECT, "a value cannot be sent in a header") from None


class BoundedClient:
    """Connects to servers. Runs in a loop of its own: the handshakes of hostile servers must not delay probes."""

    def __init__(self, gate: TargetGate, look_up: LookUpName, user_agent: str) -> None:
        """`look_up`: returns the addresses of a name."""
        self._gate = gate
        self._look_up = look_up
        self._user_agent = user_agent

    @asynccontextmanager
    async def connect(self, endpoint: Endpoint, context: ssl.SSLContext | None) -> AsyncGenerator[Exchange]:
        """Connect to a server, by TLS if its URL is https, and disconnect at the end.

        The caller limits the time. Raises ExchangeFailed, and LocalFault if this machine cannot, or must not, connect.
        """
        answers = await self._reach(endpoint, context)
        try:
            yield Exchange(answers, endpoint, self._user_agent)
        finally:
            answers._end(Reason.RESET, "closed")  # noqa: SLF001 - of this module

    async def _reach(self, endpoint: Endpoint, context: ssl.SSLContext | None) -> _Answers:
        failure: ExchangeFailed | LocalFault | None = None
        for host in (await self._hosts(endpoint))[:_MAX_ADDRESSES]:
            try:
                async with asyncio.timeout(CONNECT_S):
                    connected = await self._open(host.address(endpoint.port))
            except TimeoutError:
                failure = ExchangeFailed(Reason.TIMEOUT, f"no connection within {CONNECT_S:g} s")
            except (ExchangeFailed, LocalFault) as error:
                # What another address says of the server counts more than that this one must not be tried.
                failure = error if failure is None or isinstance(failure, LocalFault) else failure
            else:
                return await self._talk(connected, endpoint, context)
        raise failure or ExchangeFailed(Reason.DNS, "the name has no address")

    async def _hosts(self, endpoint: Endpoint) -> tuple[IpHost, ...]:
        if (host := fixed_host(endpoint)) is not None:
            return (host,)
        outcome = await self._look_up(endpoint.host)
        if isinstance(outcome, NoSuchName):
            raise ExchangeFailed(Reason.DNS, outcome.detail)
        if isinstance(outcome, LookupFailed):
            raise LocalFault(Reason.LOCAL_RESOLVER, outcome.detail)
        return outcome

    async def _open(self, address: ProbeAddress) -> socket.socket:
        """Connect to an address that may be connected to. Raises ExchangeFailed, LocalFault."""
        self._gate.check(address)
        try:
            opened = socket.socket(address.family, socket.SOCK_STREAM)
        except OSError as error:
            raise local_fault(error.errno or 0) from error
        opened.setblocking(False)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await asyncio.get_running_loop().sock_connect(opened, address.sockaddr)
        except OSError as error:
            opened.close()
            raise ExchangeFailed(*remote_failure(error.errno or 0)) from error
        except BaseException:
            opened.close()
            raise
        return opened

    async def _talk(self, connected: socket.socket, endpoint: Endpoint, context: ssl.SSLContext | None) -> _Answers:
        loop, name = asyncio.get_running_loop(), endpoint.host.partition("%")[0]
        try:
            _, answers = await loop.create_connection(
                _Answers, sock=connected, ssl=context, server_hostname=name if context is not None else None
            )
        except ssl.SSLError as error:
            raise ExchangeFailed(*tls_failure(error)) from error
        except OSError as error:
            if not error.errno:  # asyncio's own
                raise ExchangeFailed(Reason.RESET, "closed during the TLS handshake") from error
            raise ExchangeFailed(*remote_failure(error.errno)) from error
        except ValueError as error:
            raise ExchangeFailed(Reason.TLS, "the name is none that a certificate can have") from error
        return answers
