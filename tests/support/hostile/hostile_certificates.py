"""Makes certificates of hostile servers: self-signed, and as large as requested."""

from __future__ import annotations

import datetime as dt
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def certificate_of(key: Key, names: Sequence[str] = ("hostile.example.test",)) -> x509.Certificate:
    """Make the certificate of a key for some host names."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hostile VIM")])
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )


def context_of(folder: Path, names: Sequence[str] = ("hostile.example.test",)) -> ssl.SSLContext:
    """Return the context of a server with a new key and certificate, which are loaded from a file in the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".pem") as pem:
        pem.write(_pem_of(key) + certificate_of(key, names).public_bytes(serialization.Encoding.PEM))
        pem.flush()
        context.load_cert_chain(pem.name)
    return context


def _pem_of(key: Key) -> bytes:
    nothing = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, nothing)
