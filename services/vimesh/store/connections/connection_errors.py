"""Explains why a database server cannot be reached, in the same words for commands and logs, without secrets."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final

from vimesh.domain.errors import StoreUnavailable
from vimesh.store.connections.tls_words import tls_words
from vimesh.store.transactions.driver_errors import ErrorKind, kind_of, own_code
from vimesh.store.urls.server_addresses import ServerAddress

_CLOSED: Final = "the server closed the connection"
_ERRNOS: Final = {
    errno.ECONNREFUSED: "connection refused: no server listens there",
    errno.ENOENT: "there is no such socket: no server listens there",
    errno.ETIMEDOUT: "no answer",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ECONNRESET: _CLOSED,
    errno.EPIPE: _CLOSED,
}
# Keys: SQLSTATEs of PostgreSQL, error numbers of MariaDB and MySQL.
_BY_CODE: Final[dict[str | int, str]] = {
    "08003": _CLOSED,
    "28P01": "the server refuses the user name or the password",
    "3D000": "the server has no such database; make it first: CREATE DATABASE",
    "57P03": "the server takes no connections at present",
    "53300": "the server has no connection left",
    1040: "the server has no connection left",
    1044: "the user may not use the database",
    1045: "the server refuses the user name or the password",
    1049: "the server has no such database; make it first: CREATE DATABASE",
    1129: "the server has blocked this host after too many errors; FLUSH HOSTS lets it in again",
    1130: "the server lets nobody in from this host",
    1203: "the user has no connection left",
    1226: "the user has no connection left",
    1698: "the server refuses the user",
    3159: "TLS: the server takes no connection without it",
}
_CLIENT_NUMBERS: Final = range(2000, 3000)
"""Errors of the MariaDB and MySQL driver itself."""
_LONGEST: Final = 300


class CannotConnect(ConnectionError):
    """No server of the database accepts a connection. The message names each address and its cause."""

    def __init__(self, description: str, causes: Sequence[tuple[ServerAddress, str]]) -> None:
        super().__init__(
            f"cannot connect to {description}: {'; '.join(f'{address}: {cause}' for address, cause in causes)}"
        )


class ServerRefused(ConnectionError):
    """We reject this server, or it rejects us. The message states the reason."""


def cause_of(error: BaseException, certificate: str = "") -> str:
    """Return in words why connecting failed. `certificate` is the client certificate file in use, if any."""
    current: BaseException | None = error
    while current is not None:
        if (words := _words(current)) is not None:
            # A server rejects a certificate after the handshake; the reason is lost when it closes the connection.
            may_be_rejected = certificate and words.startswith(_CLOSED)
            return (f"{words}; it may not take the client certificate {certificate}" if may_be_rejected else words)[
                :_LONGEST
            ]
        # A driver may wrap the error of the operating system.
        current = current.__cause__
    return f"{type(error).__name__}: {_message(error)}"[:_LONGEST]


def _words(error: BaseException) -> str | None:
    if isinstance(error, ServerRefused):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return f"TLS: {tls_words(error)}"
    if isinstance(error, socket.gaierror):
        return _of_name(error)
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        return _of_system(error)
    return _of_server(error)


def _of_name(error: socket.gaierror) -> str:
    if error.errno in {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}:
        return "no such host"
    return "the name of the host cannot be looked up at present"


def _of_system(error: OSError) -> str | None:
    text = str(error)
    if (words := _ERRNOS.get(error.errno or 0)) is not None:
        return words
    if "rejected SSL upgrade" in text:
        return "TLS: the server does not offer it"
    if f"[Errno {errno.ECONNREFUSED}]" in text:
        # The error of a host name with several addresses has no errno.
        return _ERRNOS[errno.ECONNREFUSED]
    if "connection_lost" in text or "closed" in text:
        return _CLOSED
    return error.strerror or text or None


def _of_server(error: BaseException) -> str | None:
    code, message = own_code(error), _message(error)
    if code in _CLIENT_NUMBERS:
        # The cause of the error, if there is one, is more specific.
        return None if error.__cause__ is not None else f"{_CLOSED} ({message})"
    if code is None:
        return None
    words = _BY_CODE.get(code)
    return f"{words} ({message})" if words else f"{message} ({code})"


def _message(error: BaseException) -> str:
    last: Any = error.args[-1] if error.args else ""
    return " ".join(str(last).split())


def explain_unavailable(error: StoreUnavailable) -> str:
    """Return why the database cannot be used, for the user of a command."""
    cause = error.__cause__
    if isinstance(cause, CannotConnect):
        return str(cause)
    if cause is None:
        return str(error)
    if kind_of(cause) is ErrorKind.READ_ONLY:
        return error.why
    # The driver's own error: the wrapper contains the statement.
    driver_error = getattr(cause, "orig", None) or cause
    return f"the database cannot be used: {cause_of(driver_error)}"
