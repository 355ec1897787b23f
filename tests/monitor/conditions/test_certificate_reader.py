from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.clouds.authorities import Authority
from vimesh.domain.conditions.conditions import Certificate
from vimesh.monitor.conditions.certificate_reader import MOST_BYTES, Unreadable, read_certificate
from vimesh.monitor.conditions.certificate_validity import Verification, with_verification

NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def der_of(file: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(file.read_text())


def self_made(*names: x509.GeneralName, common_name: str = "odd", extra: x509.ExtensionType | None = None) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW)
        .not_valid_after(NOW + dt.timedelta(days=1))
    )
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if extra is not None:
        made = made.add_extension(extra, critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_what_a_certificate_says_is_read(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "The CA")
    signed = authority.sign("api", "192.0.2.7", host_names=["api.example.test", "*.example.test"])

    bare = read_certificate([der_of(signed.certificate), der_of(authority.file)])
    assert isinstance(bare, Certificate)
    read = with_verification(bare, Verification(wanted=True, code=20, error="no\x00"))

    assert (read.subject, read.issuer) == ("CN=api", "CN=The CA")
    assert read.names == ("192.0.2.7", "api.example.test", "*.example.test")
    assert read.not_before < dt.datetime.now(dt.UTC) < read.not_after
    assert read.chain_subjects == ("CN=The CA",)
    assert len(read.sha256) == 64
    assert (read.verified, read.verify_error) == (False, "no?")


def test_a_certificate_without_names_has_none() -> None:
    read = read_certificate([self_made()])

    assert isinstance(read, Certificate)
    assert (read.names, read.not_before) == ((), NOW)


def test_names_of_other_kinds_and_beyond_a_hundred_are_left_out() -> None:
    mail, many = x509.RFC822Name("a@example.test"), [x509.DNSName(f"{number}.example.test") for number in range(150)]

    read = read_certificate([self_made(mail, *many)])

    assert isinstance(read, Certificate)
    assert len(read.names) == 100
    assert read.names[0] == "0.example.test"


def test_what_could_garble_a_terminal_is_replaced() -> None:
    read = read_certificate([self_made(common_name="a\x1b[31m\u202eb")])

    assert isinstance(read, Certificate)
    assert read.subject == "CN=a?[31m?b"


@pytest.mark.parametrize(
    "der", [b"", b"\x30\x82", b"\x30\x03\x02\x01\x07", bytes(1000), self_made()[:-20], self_made() + b"more"]
)
def test_a_broken_certificate_is_unreadable(der: bytes) -> None:
    read = read_certificate([der])

    assert isinstance(read, Unreadable)
    assert read.why.isprintable()
    assert len(read.why) < 400


def test_of_a_huge_certificate_only_the_dates_are_read() -> None:
    large = self_made(*(x509.DNSName(f"{number}.example.test") for number in range(3000)))

    read = read_certificate([large])

    assert len(large) > MOST_BYTES
    assert isinstance(read, Certificate)
    assert (read.not_before, read.subject, read.names) == (NOW, "", ())


def test_an_odd_extension_does_not_hide_when_it_ends() -> None:
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\x04\x01")

    read = read_certificate([self_made(extra=odd), b"no certificate"])

    assert isinstance(read, Certificate)
    assert (read.names, read.chain_subjects) == ((), ())
