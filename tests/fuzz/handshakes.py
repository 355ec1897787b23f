"""Performs handshakes in memory: our side of TLS against bytes chosen by another party."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache

from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.probes.tls.tls_session import TlsSession, whole_records_bytes
from vimesh.monitor.probes.tls.tls_trust import lenient_context, tls_failure, verifying_context

NAME = "hostile.example.test"


def shake_hands(verifying: bool, pieces: Iterable[bytes]) -> None:
    """Let a client read the pieces as those of a server, and then their end. Raises AssertionError."""
    session = TlsSession(_contexts()[verifying], NAME)
    session.start_handshake()
    try:
        for piece in (*_records(pieces), b""):
            if session.is_established:
                _decrypt(session, piece)
            else:
                session.advance_handshake(piece)
            session.take_outgoing()
    except ssl.SSLError as error:
        _check_words(*tls_failure(error))


def _records(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join the pieces into complete records, as far as they are records."""
    received = b""
    for piece in pieces:
        received += piece
        whole_bytes = whole_records_bytes(received)
        assert 0 <= whole_bytes <= len(received)
        if whole_bytes:
            yield received[:whole_bytes]
        received = received[whole_bytes:]


def _decrypt(session: TlsSession, piece: bytes) -> None:
    with suppress(ssl.SSLWantReadError):
        session.decrypt(piece)


def _check_words(reason: str, words: str) -> None:
    assert reason.isupper(), f"no reason: {reason!r}"
    assert words.isprintable(), f"words that garble a terminal: {words!r}"
    assert words == words.strip() != "", f"no words: {words!r}"


@lru_cache(maxsize=1)
def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    lenient = lenient_context()
    try:
        return lenient, verifying_context()
    except LocalFault:
        return lenient, ssl.create_default_context()  # this machine has no authorities: nothing is trusted in any case
