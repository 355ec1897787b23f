"""A client's TLS session over bytes instead of a socket."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

_SLICE_BYTES = 4096
"""Limits how far OpenSSL's buffers grow, because they never shrink."""
_READ_BYTES = 16 * 1024
_RECORD_KINDS = range(20, 24)
_CHANGE, _HANDSHAKE, _CLIENT_HELLO = b"\x14", b"\x16", b"\x01"
_CHANGE_BYTES = 6
_HEADER_BYTES = 5
_MOST_RECORD_BYTES = 16 * 1024 + 2048
_DER = 2
"""OpenSSL's encoding, as the module `_ssl` numbers it."""
_MOST_RECORDS = 64
"""A flight of an ordinary server has fewer than ten. Counting thousands of tiny ones would block the loop."""


class TlsSession:
    """Consumes data from the server and produces data for it. Must not be used by two threads at a time."""

    __slots__ = (
        "_ending",
        "_incoming",
        "_object",
        "_outgoing",
        "cpu_s",
        "is_established",
        "received_bytes",
        "refusal",
        "retried",
    )

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._ending: ssl.SSLError | None = None
        """The error, or the proper close, that followed the last data."""
        self.is_established = False
        self.retried = False
        """Whether the server requested another group. In TLS 1.3, that may be a finite field of 8,192 bits."""
        self.received_bytes = 0
        """Bytes of the handshake."""
        self.cpu_s = 0.0
        """CPU seconds that the server's part of the handshake has cost so far."""
        self.refusal = (0, "")
        """Why the server's certificate was refused, by OpenSSL's number and in words; 0: it was not."""

    def start_handshake(self) -> None:
        """Start the handshake. This costs the same for all servers."""
        self._do_handshake()

    def advance_handshake(self, received: bytes) -> None:
        """Advance the handshake as far as possible; `received` is empty if the server closed. Raises SSLError."""
        self.received_bytes += len(received)
        if not received:
            self._incoming.write_eof()
            self._do_handshake()
            return
        for piece in _slices(received):
            self._incoming.write(piece)
            if not self.is_established:
                self._do_handshake()

    def _do_handshake(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLCertVerificationError as error:
            self.refusal = (error.verify_code, error.verify_message)
            raise
        self.is_established = True

    @property
    def verifies(self) -> bool:
        """Whether the server's certificate has to be valid."""
        return self._object.context.verify_mode is not ssl.CERT_NONE

    def peer_chain(self) -> list[bytes]:
        """Return the certificates that the server has sent, in DER form, its own first; also after a refusal.

        Empty if there are none, or if this version of OpenSSL no longer has those that it has refused.
        """
        # Public from Python 3.13 on. Before, it is there under this name, and returns objects instead of bytes.
        inner: Any = getattr(self._object, "_sslobj", None)
        chain = inner.get_unverified_chain() if hasattr(inner, "get_unverified_chain") else ()
        return [der if isinstance(der, bytes) else der.public_bytes(_DER) for der in chain or ()]

    def peer_certificate(self) -> bytes:
        """Return the server's own certificate in DER form; empty: it has shown none."""
        if not self.is_established:
            return next(iter(self.peer_chain()), b"")
        return self._object.getpeercert(binary_form=True) or b""

    @property
    def has_more(self) -> bool:
        """Whether data followed the handshake and is not decrypted yet."""
        return self._incoming.pending > 0

    def decrypt(self, received: bytes) -> bytes:
        """Return all decrypted data; empty: the server closed. Raises SSLError: SSLWantReadError if there is none."""
        plain = b""
        read, incoming = self._object.read, self._incoming
        for piece in (received,) if len(received) <= _SLICE_BYTES else _slices(received):
            incoming.write(piece)
            # A read in vain costs as much as a useful one. Each record fits into one read: none is left half-read.
            while self._ending is None and incoming.pending:
                try:
                    part = read(_READ_BYTES)
                except ssl.SSLWantReadError:
                    break
                except ssl.SSLError as error:
                    # Drop the frames: they refer to this object, and only the garbage collector could free the cycle.
                    self._ending = error.with_traceback(None)
                    break
                if not part:
                    self._ending = ssl.SSLZeroReturnError()
                plain += part
        if plain:
            return plain
        if self._ending is None:
            raise ssl.SSLWantReadError
        if isinstance(self._ending, ssl.SSLZeroReturnError):
            return b""
        raise self._ending

    def encrypt(self, data: bytes) -> bytes:
        """Return the data encrypted for the server, preceded by anything else that TLS has to send."""
        self._object.write(data)
        return self._outgoing.read()

    def take_outgoing(self) -> bytes:
        """Remove and return everything that TLS has to send now."""
        outgoing = self._outgoing.read()
        if not self.is_established and self.received_bytes and _begins_with_hello(outgoing):
            self.retried = True
        return outgoing


def whole_records_bytes(received: bytes) -> int:
    """Return the length of the complete TLS records at the start.

    Data that is not TLS records, or very many of them, counts as a whole: OpenSSL judges it.
    """
    end = 0
    for _ in range(_MOST_RECORDS):
        if len(received) - end < _HEADER_BYTES:
            break
        length = int.from_bytes(received[end + 3 : end + _HEADER_BYTES], "big")
        if received[end] not in _RECORD_KINDS or length > _MOST_RECORD_BYTES:
            return len(received)
        if end + _HEADER_BYTES + length > len(received):
            return end
        end += _HEADER_BYTES + length
    else:
        return len(received)
    return end if not received[end:] or received[end] in _RECORD_KINDS else len(received)


def _begins_with_hello(outgoing: bytes) -> bool:
    """Return whether the first message is a ClientHello, after a ChangeCipherSpec for middleboxes, if there is one."""
    start = _CHANGE_BYTES if outgoing[:1] == _CHANGE else 0
    return outgoing[start : start + 1] == _HANDSHAKE and outgoing[start + _HEADER_BYTES :][:1] == _CLIENT_HELLO


def _slices(received: bytes) -> Iterator[bytes]:
    for start in range(0, len(received), _SLICE_BYTES):
        yield received[start : start + _SLICE_BYTES]
