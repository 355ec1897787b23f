from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.clouds.certificates import self_signed
from vimesh.monitor.probes.tls.tls_session import TlsSession, whole_records_bytes
from vimesh.monitor.probes.tls.tls_trust import lenient_context, verifying_context

RECORD = b"\x16\x03\x03\x00\x04abcd"


class Server:
    """The other side, in memory."""

    def __init__(self, folder: Path, version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> None:
        context = self_signed(folder)
        context.minimum_version = context.maximum_version = version
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)

    def hear(self, data: bytes) -> bytes:
        """Go on with the handshake; return what the client is sent."""
        self.incoming.write(data)
        with suppress(ssl.SSLWantReadError):
            self.tls.do_handshake()
        return self.outgoing.read()

    def say(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self.outgoing.read()


def shaken(server: Server) -> TlsSession:
    """Return a session that stands."""
    session = TlsSession(lenient_context(), "127.0.0.1")
    session.start_handshake()
    while not session.is_established:
        session.advance_handshake(server.hear(session.take_outgoing()))
    with suppress(ssl.SSLWantReadError):
        session.decrypt(server.hear(session.take_outgoing()))  # tickets, by TLS 1.3
    return session


@pytest.mark.parametrize("context", [lenient_context, verifying_context])
def test_no_context_takes_groups_that_servers_make_up(context: type) -> None:
    made: ssl.SSLContext = context()

    assert {cipher["kea"] for cipher in made.get_ciphers()}.isdisjoint({"kx-dhe", "kx-dhe-psk", "kx-srp"})
    assert "kx-ecdhe" in {cipher["kea"] for cipher in made.get_ciphers()}
    assert made.options & ssl.OP_NO_RENEGOTIATION
    assert made.options & ssl.OP_NO_COMPRESSION
    assert made.options & ssl.OP_NO_TICKET


def test_the_lenient_context_stays_lenient() -> None:
    context = lenient_context()

    names = {cipher["name"] for cipher in context.get_ciphers()}
    assert {"AES128-SHA", "AECDH-AES128-SHA", "ECDHE-RSA-AES128-SHA"} <= names
    assert context.security_level == 0
    assert context.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_what_is_said_is_read_however_long_it_is(tmp_path: Path, version: ssl.TLSVersion) -> None:
    server = Server(tmp_path, version)
    session = shaken(server)

    assert session.decrypt(server.say(b"short")) == b"short"
    assert session.decrypt(server.say(bytes(50_000))) == bytes(50_000)
    server.incoming.write(session.encrypt(b"request"))
    assert server.tls.read(100) == b"request"
    assert not session.retried


def test_a_part_of_a_record_says_nothing_yet(tmp_path: Path) -> None:
    server = Server(tmp_path, ssl.TLSVersion.TLSv1_2)
    session = shaken(server)
    record = server.say(b"whole")

    with pytest.raises(ssl.SSLWantReadError):
        session.decrypt(record[:10])
    assert session.decrypt(record[10:]) == b"whole"


def test_what_comes_before_a_close_is_read_first(tmp_path: Path) -> None:
    server = Server(tmp_path, ssl.TLSVersion.TLSv1_2)
    session = shaken(server)
    said = server.say(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        server.tls.unwrap()

    assert session.decrypt(said + server.outgoing.read()) == b"last words"
    assert session.decrypt(b"") == b""


def test_what_comes_before_garbage_is_read_first(tmp_path: Path) -> None:
    server = Server(tmp_path, ssl.TLSVersion.TLSv1_2)
    session = shaken(server)

    assert session.decrypt(server.say(b"last words") + b"garbage") == b"last words"
    with pytest.raises(ssl.SSLError, match="WRONG_VERSION_NUMBER"):
        session.decrypt(b" and more")


def test_what_comes_behind_the_handshake_waits_to_be_read(tmp_path: Path) -> None:
    server = Server(tmp_path, ssl.TLSVersion.TLSv1_2)
    session = TlsSession(lenient_context(), "127.0.0.1")
    session.start_handshake()
    session.advance_handshake(server.hear(session.take_outgoing()))
    flight = server.hear(session.take_outgoing())

    session.advance_handshake(flight + server.say(bytes(5000)) + server.say(b"early"))

    assert session.has_more
    assert session.decrypt(b"") == bytes(5000) + b"early"
    assert not session.has_more


def test_a_server_that_closes_within_the_handshake_is_an_error(tmp_path: Path) -> None:
    session = TlsSession(lenient_context(), "127.0.0.1")
    session.start_handshake()
    session.advance_handshake(Server(tmp_path).hear(session.take_outgoing())[:100])

    with pytest.raises(ssl.SSLEOFError):
        session.advance_handshake(b"")


@pytest.mark.parametrize(
    ("received", "whole_bytes"),
    [
        (b"", 0),
        (RECORD[:4], 0),
        (RECORD[:8], 0),
        (RECORD, 9),
        (RECORD + RECORD[:1], 9),
        (RECORD + RECORD[:7], 9),
        (RECORD + RECORD, 18),
        (b"HTTP/1.1 400 Bad Request\r\n", 26),
        (b"HTT", 3),
        (RECORD + b"nonsense", 17),
        (b"\x16\x03\x03\xff\xff", 5),
        (RECORD * 63 + RECORD[:7], 567),
        (RECORD * 64 + RECORD[:7], 583),
    ],
)
def test_only_whole_records_are_worth_a_step(received: bytes, whole_bytes: int) -> None:
    assert whole_records_bytes(received) == whole_bytes
