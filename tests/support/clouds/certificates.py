"""Makes TLS contexts of servers with self-signed certificates."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


def self_signed(folder: Path, *, valid_for: dt.timedelta = _DAY) -> ssl.SSLContext:
    """Return the context of a server named 127.0.0.1. With a negative validity, the certificate has already expired."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake VIM")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 30 * _DAY)
        .not_valid_after(now + valid_for)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


def giant_rsa() -> Path:
    """Return the file of an RSA key of 16,384 bits with a public exponent of 64, and of its certificate.

    Generating one takes minutes. This one was made by `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:16384
    -pkeyopt rsa_keygen_primes:5 -pkeyopt rsa_keygen_pubexp:18446744073709551557` and `openssl req -x509 -days 36500
    -subj /CN=giant.example.test`. More than two primes are easier to find, and make no difference to a client.
    """
    return Path(__file__).with_name("giant_rsa.pem")
