"""Makes certificate authorities for tests, and certificates signed by them."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Signed:
    certificate: Path
    key: Path
    serial: int


class Authority:
    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = _name(name)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        made = (
            _begun(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def sign(
        self,
        name: str,
        *addresses: str,
        host_names: Sequence[str] = (),
        valid_for: dt.timedelta = _DAY,
        begins_in: dt.timedelta = -30 * _DAY,
        password: str = "",
        file_name: str = "",
    ) -> Signed:
        """Make a key and a certificate with that common name, valid for these IP addresses and names of hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        begun = _begun(_name(name), self._name, key, valid_for, begins_in)
        if addresses or host_names:
            names: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
            names += map(x509.DNSName, host_names)
            begun = begun.add_extension(x509.SubjectAlternativeName(names), critical=False)
        made = begun.sign(self._key, hashes.SHA256())
        base = self._folder / (file_name or f"{name}-{made.serial_number}")
        signed = Signed(base.with_suffix(".crt"), base.with_suffix(".key"), made.serial_number)
        signed.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        signed.key.touch(0o600)
        signed.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption(),
            )
        )
        return signed

    @staticmethod
    def server_context(signed: Signed) -> ssl.SSLContext:
        """Return the context of a server that shows a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(signed.certificate, signed.key)
        return context

    def revoke(self, *revoked: Signed) -> Path:
        """Write the list of revoked certificates, with only these."""
        now = dt.datetime.now(dt.UTC)
        begun = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        begun = begun.last_update(now - _DAY).next_update(now + _DAY)
        for each in revoked:
            one = x509.RevokedCertificateBuilder().serial_number(each.serial).revocation_date(now - _DAY).build()
            begun = begun.add_revoked_certificate(one)
        file = self.file.with_suffix(".crl")
        file.write_bytes(begun.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return file


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _begun(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    valid_for: dt.timedelta = _DAY,
    begins_in: dt.timedelta = -30 * _DAY,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins_in)
        .not_valid_after(now + valid_for)
    )
