"""Handshakes in memory: our side of TLS against bytes that somebody else chose."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from functools import lru_cache

from vimesh.monitor.probes import LocalFault
from vimesh.monitor.tls import lenient_context, tls_failure, verifying_context

NAME = "hostile.example.test"


def shake_hands(verifying: bool, pieces: Iterable[bytes]) -> None:
    """Let a client take the pieces for a server's. Raises AssertionError for words that nobody could show."""
    context = _contexts()[verifying]
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=NAME)
    try:
        _shake(tls)  # the client's hello goes first
        for piece in pieces:
            incoming.write(piece)
            _shake(tls)
    except ssl.SSLError as error:
        _check_words(*tls_failure(error))


def _check_words(reason: str, words: str) -> None:
    assert reason.isupper(), f"no reason: {reason!r}"
    assert words.isprintable(), f"words that garble a terminal: {words!r}"
    assert words == words.strip() != "", f"no words: {words!r}"


def _shake(tls: ssl.SSLObject) -> None:
    try:
        tls.do_handshake()
        tls.read(1)
    except ssl.SSLWantReadError:
        pass


@lru_cache(maxsize=1)
def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    lenient = lenient_context()
    try:
        return lenient, verifying_context()
    except LocalFault:
        return lenient, ssl.create_default_context()  # this machine knows no authority: all are unknown all the same
