"""Explains why a database server cannot be reached, in the same words for commands and logs, without secrets."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Sequence
from typing import Any, Final

from vimesh.store.connections.tls_words import tls_words
from vimesh.store.transactions.driver_errors import ErrorCodes, own_code
from vimesh.store.urls.server_addresses import ServerAddress

CLOSED: Final = "the server closed the connection"
_ERRNOS: Final = {
    errno.ECONNREFUSED: "connection refused: no server listens there",
    errno.ENOENT: "there is no such socket: no server listens there",
    errno.ETIMEDOUT: "no answer",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ECONNRESET: CLOSED,
    errno.EPIPE: CLOSED,
}
_LONGEST: Final = 300


class CannotConnect(ConnectionError):
    """No server of the database accepts a connection. The message names each address and its cause."""

    def __init__(self, description: str, causes: Sequence[tuple[ServerAddress, str]]) -> None:
        super().__init__(
            f"cannot connect to {description}: {'; '.join(f'{address}: {cause}' for address, cause in causes)}"
        )


class ServerRefused(ConnectionError):
    """We reject this server, or it rejects us. The message states the reason."""


def cause_of(error: BaseException, codes: ErrorCodes, certificate: str = "") -> str:
    """Return in words why connecting failed. `certificate` is the client certificate file in use, if any."""
    current: BaseException | None = error
    while current is not None:
        if (words := _words(current, codes)) is not None:
            # A server rejects a certificate after the handshake; the reason is lost when it closes the connection.
            may_be_rejected = certificate and words.startswith(CLOSED)
            return (f"{words}; it may not take the client certificate {certificate}" if may_be_rejected else words)[
                :_LONGEST
            ]
        # A driver may wrap the error of the operating system.
        current = current.__cause__
    return f"{type(error).__name__}: {_message(error)}"[:_LONGEST]


def _words(error: BaseException, codes: ErrorCodes) -> str | None:
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
    return _of_server(error, codes)


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
        return CLOSED
    return error.strerror or text or None


def _of_server(error: BaseException, codes: ErrorCodes) -> str | None:
    code, message = own_code(error), _message(error)
    if code in codes.of_driver:
        # The cause of the error, if there is one, is more specific.
        return None if error.__cause__ is not None else f"{CLOSED} ({message})"
    if code is None:
        return None
    words = codes.connecting.get(code)
    return f"{words} ({message})" if words else f"{message} ({code})"


def _message(error: BaseException) -> str:
    last: Any = error.args[-1] if error.args else ""
    return " ".join(str(last).split())
