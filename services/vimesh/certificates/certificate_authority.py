"""A small certificate authority, enough for one fleet. Pure: it makes bytes, and is told the time."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vimesh.certificates.spiffe_ids import BadIdentity, SpiffeId, check_trust_domain

CLOCK_SKEW = timedelta(minutes=5)
"""A certificate is valid from this long ago, because the clocks of hosts differ."""
AUTHORITY_LIFETIME = timedelta(days=3650)
_SIGNATURE = hashes.SHA256()
_REVOCATION_LIST = re.compile(rb"-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----")
_CRL_KEYS = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey)
_HOST_NAME = re.compile(r"(\*\.)?[a-z0-9_][a-z0-9_.-]{0,250}", re.ASCII | re.IGNORECASE)


class BadAuthority(Exception):
    """What should be an authority's certificate or key is not. The message says why."""


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    certificate_pem: bytes
    key_pem: bytes
    """PKCS #8, not encrypted."""
    serial: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates for the identities of one trust domain."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def trust_domain(self) -> str:
        """The trust domain in its certificate. Raises BadAuthority."""
        names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        return uri.removeprefix("spiffe://")

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return _key_pem(self.key)

    def issue(self, identity: SpiffeId, hosts: Sequence[str], lifetime: timedelta, now: datetime) -> IssuedCertificate:
        """Make a key, and a certificate that ends with the authority's at the latest. Raises BadIdentity.

        `hosts`: host names and IP addresses at which the part is reached.
        """
        if identity.trust_domain != self.trust_domain:
            raise BadIdentity(f"this authority is for {self.trust_domain}, not for {identity.trust_domain}")
        key = ec.generate_private_key(ec.SECP256R1())
        expires_at = now + min(lifetime, self.certificate.not_valid_after_utc - now)
        serial = x509.random_serial_number()
        certificate = (
            x509.CertificateBuilder()
            .subject_name(_common_name(f"{identity.role} {identity.name}"))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(expires_at)
            .add_extension(
                x509.SubjectAlternativeName(
                    [x509.UniformResourceIdentifier(str(identity)), *(_host_name(host) for host in hosts)]
                ),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, _SIGNATURE)
        )
        return IssuedCertificate(
            certificate.public_bytes(serialization.Encoding.PEM),
            _key_pem(key),
            serial,
            certificate.not_valid_after_utc,
        )

    def revocation_list(self, revoked: Mapping[int, datetime], now: datetime) -> bytes:
        """Return the list of revoked certificates as PEM. `revoked`: since when, by serial number.

        It is valid as long as the authority: verifiers refuse everyone once a list is too old.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - CLOCK_SKEW)
            .next_update(self.certificate.not_valid_after_utc)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        for serial, since in sorted(revoked.items()):
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.key, _SIGNATURE).public_bytes(serialization.Encoding.PEM)


def make_authority(trust_domain: str, now: datetime, lifetime: timedelta = AUTHORITY_LIFETIME) -> Authority:
    """Make an authority that signs its own certificate. Raises BadIdentity."""
    check_trust_domain(trust_domain)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _common_name(f"vimesh authority of {trust_domain}")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
        .add_extension(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"spiffe://{trust_domain}")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, _SIGNATURE)
    )
    return Authority(certificate, key)


def load_authority(certificate_pem: bytes, key_pem: bytes) -> Authority:
    """Read an authority that `make_authority` made. Raises BadAuthority."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError) as error:
        raise BadAuthority(f"it cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise BadAuthority("its key does not belong to its certificate")
    return Authority(certificate, key)


def read_trusted(pem: bytes, now: datetime) -> list[x509.Certificate]:
    """Read the certificates of other authorities. Raises BadAuthority if one of them may not, or cannot, sign."""
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise BadAuthority(f"it holds no certificates in PEM: {error}") from error
    for certificate in certificates:
        _check_trusted(certificate, now)
    return certificates


def other_revocation_lists(pem: bytes, authorities: Sequence[x509.Certificate], own: x509.Certificate) -> bytes:
    """Return, as PEM, the last list of revoked certificates of each authority but our own.

    Raises BadAuthority if one of them is not signed by any of the authorities.
    """
    lists: dict[x509.Certificate, bytes] = {}
    for revoked in _revocation_lists(pem):
        # An authority and the one that replaces it may have the same name, but not the same key.
        signer = next((each for each in authorities if _has_signed(each, revoked)), None)
        if signer is None:
            raise BadAuthority(f"no trusted authority has signed the list of {revoked.issuer.rfc4514_string()}")
        lists[signer] = revoked.public_bytes(serialization.Encoding.PEM)
    return b"".join(content for signer, content in lists.items() if signer != own)


def read_revocation_lists(pem: bytes) -> list[x509.CertificateRevocationList]:
    """Read lists of revoked certificates. Raises BadAuthority, also if there is none."""
    if lists := list(_revocation_lists(pem)):
        return lists
    raise BadAuthority("it holds no list of revoked certificates in PEM")


def _revocation_lists(pem: bytes) -> Iterator[x509.CertificateRevocationList]:
    for block in _REVOCATION_LIST.findall(pem):
        try:
            yield x509.load_pem_x509_crl(block)
        except ValueError as error:
            raise BadAuthority(f"it holds a list of revoked certificates that cannot be read: {error}") from error


def _has_signed(authority: x509.Certificate, revoked: x509.CertificateRevocationList) -> bool:
    key = authority.public_key()
    if authority.subject != revoked.issuer or not isinstance(key, _CRL_KEYS):
        return False
    return revoked.is_signature_valid(key)


def bundle(certificates: Iterable[x509.Certificate]) -> bytes:
    """Return the certificates as PEM, each once."""
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in dict.fromkeys(certificates))


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate, as `openssl x509 -fingerprint` prints it."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _check_trusted(certificate: x509.Certificate, now: datetime) -> None:
    subject = certificate.subject.rfc4514_string()
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        raise BadAuthority(f"{subject} is not an authority: it has no basic constraints") from None
    if not constraints.ca:
        raise BadAuthority(f"{subject} is not an authority: it may not sign certificates")
    if certificate.not_valid_after_utc <= now:
        raise BadAuthority(f"{subject} has expired on {certificate.not_valid_after_utc:%Y-%m-%d}")
    if certificate.issuer == certificate.subject:
        try:
            certificate.verify_directly_issued_by(certificate)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise BadAuthority(f"{subject} is not signed by itself, although it says so") from error


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _host_name(host: str) -> x509.GeneralName:
    """Raises BadIdentity."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        pass
    if not _HOST_NAME.fullmatch(host):
        raise BadIdentity(f"{host[:100]!r} is neither an IP address nor a host name in ASCII")
    return x509.DNSName(host)


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
