"""Fuzzes certificates, in a handshake that is correct up to them, so that OpenSSL reads them."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterator

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from tests.fuzz.handshakes import NAME, shake_hands
from tests.fuzz.parser import Parser

_HANDSHAKE = 22
_SERVER_HELLO, _CERTIFICATE, _SERVER_KEY_EXCHANGE = 2, 11, 12
_CIPHERS = (b"\xc0\x2f", b"\xc0\x2b")
"""ECDHE with RSA, and with ECDSA."""
_X25519 = b"\x03\x00\x1d"
_RSA_SHA256, _ECDSA_SHA256 = b"\x04\x01", b"\x04\x03"
_DAY = dt.timedelta(days=1)

Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def _read(data: bytes) -> None:
    """The first byte decides which kind of key is announced, and whether certificates must be valid."""
    if data:
        shake_hands(bool(data[0] & 1), [_flight(bool(data[0] & 2), data[1:])])


def _flight(ecdsa: bool, certificate: bytes) -> bytes:
    hello = b"\x03\x03" + bytes(range(32)) + b"\0" + _CIPHERS[ecdsa] + b"\0" + _sized(b"\xff\x01\0\x01\0", 2)
    exchange = _X25519 + _sized(bytes(range(1, 33)), 1) + (_ECDSA_SHA256 if ecdsa else _RSA_SHA256)
    messages = (
        (_SERVER_HELLO, hello),
        (_CERTIFICATE, _sized(_sized(certificate, 3), 3)),
        (_SERVER_KEY_EXCHANGE, exchange + _sized(b"\x01" * 256, 2)),
    )
    content = b"".join(bytes([kind]) + _sized(message, 3) for kind, message in messages)
    parts = (content[start : start + 16_000] for start in range(0, len(content), 16_000))
    return b"".join(struct.pack("!BH", _HANDSHAKE, 0x0303) + _sized(part, 2) for part in parts)


def _sized(content: bytes, size_bytes: int) -> bytes:
    return len(content).to_bytes(size_bytes, "big") + content


def _certificate(key: Key, *names: str, days: int = 1) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "odd\x7f name")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 30 * _DAY)
        .not_valid_after(now + days * _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.DER)


def _seeds() -> Iterator[bytes]:
    for_rsa = _certificate(rsa.generate_private_key(65537, 2048), NAME)
    others = (
        _certificate(ec.generate_private_key(ec.SECP256R1()), NAME, days=-1),
        _certificate(ec.generate_private_key(ec.SECP521R1()), "*.example.test", "*.*.test", "xn--a.test"),
        _certificate(ed25519.Ed25519PrivateKey.generate(), *(f"{number}.example.test" for number in range(50))),
    )
    for verifying in (0, 1):
        yield bytes([verifying]) + for_rsa
        yield from (bytes([verifying | 2]) + other for other in others)


PARSER = Parser(name="certificates", read=_read, seeds=tuple(_seeds()), most_bytes=24 * 1024)
