"""One TLS session of a client, over bytes instead of a socket."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

_SLICE_BYTES = 4096
"""The buffers of OpenSSL never shrink: this is what they may grow to."""
_READ_BYTES = 16 * 1024
_RECORD_KINDS = range(20, 24)
_CHANGE, _HANDSHAKE, _CLIENT_HELLO = b"\x14", b"\x16", b"\x01"
_CHANGE_BYTES = 6
_HEADER_BYTES = 5
_MOST_RECORD_BYTES = 16 * 1024 + 2048


class TlsSession:
    """Takes in what a server sent, gives out what it is to be sent. Not to be used by two threads at a time."""

    __slots__ = ("_ending", "_incoming", "_object", "_outgoing", "cpu_s", "established", "received_bytes", "retried")

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._ending: ssl.SSLError | None = None
        """What came behind the last of the data."""
        self.established = False
        self.retried = False
        """The server asked for a group of its own choice. By TLS 1.3 that may be a finite field of 8,192 bits."""
        self.received_bytes = 0
        """Of the handshake."""
        self.cpu_s = 0.0
        """What the server's part of the handshake has cost so far."""

    def greet(self) -> None:
        """Begin the handshake. What that costs is the same for all servers."""
        self._go_on()

    def shake_hands(self, received: bytes) -> None:
        """Go on with the handshake as far as possible; empty: the server closed. Raises SSLError."""
        self.received_bytes += len(received)
        if not received:
            self._incoming.write_eof()
            self._go_on()
            return
        for piece in _slices(received):
            self._incoming.write(piece)
            if not self.established:
                self._go_on()

    def _go_on(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.established = True

    @property
    def has_more(self) -> bool:
        """Whether something came behind the handshake, and waits to be decrypted."""
        return self._incoming.pending > 0

    def decrypt(self, received: bytes) -> bytes:
        """Return all that the server has said; empty: it closed. Raises SSLWantReadError while that is nothing."""
        if len(received) <= _SLICE_BYTES:  # as nearly all are
            self._incoming.write(received)
            said = self._read_all()
        else:
            said = b"".join(self._decrypt_slices(received))
        if said:
            return said
        if self._ending is None:
            raise ssl.SSLWantReadError
        if isinstance(self._ending, ssl.SSLZeroReturnError):
            return b""
        raise self._ending

    def _decrypt_slices(self, received: bytes) -> Iterator[bytes]:
        for piece in _slices(received):
            self._incoming.write(piece)
            yield self._read_all()

    def _read_all(self) -> bytes:
        said = b""
        # Asking in vain costs as much as an answer. Nothing is left of a record: each fits into one answer.
        while self._ending is None and self._incoming.pending:
            try:
                part = self._object.read(_READ_BYTES)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                # Without its frames: they hold this object, which would be left to the garbage collector.
                self._ending = error.with_traceback(None)
                break
            if not part:
                self._ending = ssl.SSLZeroReturnError()
            said += part
        return said

    def encrypt(self, data: bytes) -> bytes:
        """Return what the server is to be sent for it to read this, behind what it is to be sent in any case."""
        self._object.write(data)
        return self._outgoing.read()

    def take_outgoing(self) -> bytes:
        """Return what the server is to be sent by now."""
        outgoing = self._outgoing.read()
        if not self.established and self.received_bytes and _begins_with_hello(outgoing):
            self.retried = True
        return outgoing


def whole_records_bytes(received: bytes) -> int:
    """Return how many bytes from the first on are whole TLS records; all of them, if they are no records at all."""
    end = 0
    while len(received) - end >= _HEADER_BYTES:
        length = int.from_bytes(received[end + 3 : end + _HEADER_BYTES], "big")
        if received[end] not in _RECORD_KINDS or length > _MOST_RECORD_BYTES:
            return len(received)
        if end + _HEADER_BYTES + length > len(received):
            return end
        end += _HEADER_BYTES + length
    return end if not received[end:] or received[end] in _RECORD_KINDS else len(received)


def _begins_with_hello(outgoing: bytes) -> bool:
    """Say whether the first message is a ClientHello, after what is sent for the sake of middleboxes."""
    start = _CHANGE_BYTES if outgoing[:1] == _CHANGE else 0
    return outgoing[start : start + 1] == _HANDSHAKE and outgoing[start + _HEADER_BYTES :][:1] == _CLIENT_HELLO


def _slices(received: bytes) -> Iterator[bytes]:
    for start in range(0, len(received), _SLICE_BYTES):
        yield received[start : start + _SLICE_BYTES]
