"""Bounds each HTTP answer as a whole, in bytes and in time: a peer's answer may never end."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from keystoneauth1.session import Session
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, ReadTimeoutError

MAX_ANSWER_BYTES = 16 * 1024 * 1024
"""A page of 500 workflows takes about 1 MB."""
MAX_REDIRECTS = 3
_CHUNK_BYTES = 64 * 1024


class OutOfBounds(requests.exceptions.RequestException):
    """The answer cannot be used. The message states why, and quotes nothing of the answer."""


def bound_answers(session: Session, total_timeout_s: float) -> None:
    """Bound the answers to a session, from its first connection on. Only one thread may use the session."""
    session.redirect = MAX_REDIRECTS
    for scheme in ("http://", "https://"):
        session.session.mount(scheme, _BoundedAdapter(total_timeout_s))


class _Watch:
    """Disconnects a peer that is too slow as a whole: timeouts of single reads never expire if bytes trickle in."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._twins: set[socket.socket] = set()
        self._call_in_flight = False
        self._closed_twins: list[socket.socket] = []

    def twin_of(self, connected: socket.socket) -> socket.socket:
        """Return a duplicate of a connection's socket, which remains valid even if TLS wraps the socket itself."""
        twin = connected.dup()
        self._twins.add(twin)
        return twin

    def forget(self, twin: socket.socket) -> None:
        """Close the duplicate of a closed connection, once no call is under way: its last answer may still arrive."""
        self._closed_twins.append(twin)
        if not self._call_in_flight:
            self._forget_closed()

    def _forget_closed(self) -> None:
        while self._closed_twins:
            twin = self._closed_twins.pop()
            self._twins.discard(twin)
            twin.close()

    @contextmanager
    def limit(self) -> Generator[None]:
        """Raise OutOfBounds if the block takes too long, in place of any exception of its own."""
        expired = threading.Event()
        timer = threading.Timer(self._limit_s, self._hang_up, (expired,))
        timer.daemon = True
        timer.start()
        self._call_in_flight = True
        try:
            yield
        except Exception as error:
            if not expired.is_set():
                raise
            raise self._too_slow() from error
        finally:
            timer.cancel()
            self._call_in_flight = False
            self._forget_closed()
        # Some answers end with their connection: the block does not notice that it was cut off.
        if expired.is_set():
            raise self._too_slow()

    def _too_slow(self) -> OutOfBounds:
        return OutOfBounds(f"no whole answer within {self._limit_s:g} s")

    def _hang_up(self, expired: threading.Event) -> None:
        expired.set()
        for twin in tuple(self._twins):
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)


class _BoundedAdapter(HTTPAdapter):
    def __init__(self, total_timeout_s: float) -> None:
        self._watch = _Watch(total_timeout_s)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the library's own signature
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self._watch)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002 - the answer is read here
        *args: Any,  # noqa: ANN401 - the library's own signature
        **kwargs: Any,  # noqa: ANN401 - the library's own signature
    ) -> requests.Response:
        # A few compressed bytes may expand to any number of others.
        request.headers["Accept-Encoding"] = "identity"
        with self._watch.limit():
            response = super().send(request, True, *args, **kwargs)
            try:
                response.raw = io.BytesIO(_content(response))
            except OutOfBounds:
                response.close()
                raise
        return response


def _content(response: requests.Response) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise OutOfBounds("the answer is compressed")
    content = bytearray()
    try:
        for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=False):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise OutOfBounds(f"the answer has more than {MAX_ANSWER_BYTES} bytes")
    except ReadTimeoutError as error:
        raise requests.exceptions.ReadTimeout from error
    except HTTPError as error:
        raise OutOfBounds("the answer broke off") from error
    return bytes(content)


def _pools(watch: _Watch) -> dict[str, type[HTTPConnectionPool]]:
    class Watched(HTTPConnection):
        twin: socket.socket | None = None

        def _new_conn(self) -> socket.socket:
            connected = super()._new_conn()
            self.twin = watch.twin_of(connected)
            return connected

        def close(self) -> None:
            super().close()
            if self.twin is not None:
                watch.forget(self.twin)
                self.twin = None

    class WatchedEncrypted(Watched, HTTPSConnection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Watched

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = WatchedEncrypted

    return {"http": Pool, "https": EncryptedPool}
