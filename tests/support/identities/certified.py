"""Makes the certificates of a fleet by vimesh's own authority, and uses them as gRPC and HTTP clients do."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.spiffe_ids import Role, SpiffeId

LIFETIME = timedelta(days=1)
HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes


class Certified:
    """The certificates of one trust domain."""

    def __init__(self, path: Path, trust_domain: str = "vimesh") -> None:
        self.folder = CertificateFolder(path)
        self.trust_domain = trust_domain
        self.folder.init(trust_domain, datetime.now(UTC))

    @property
    def trust(self) -> Path:
        return self.folder.path / "trust"

    def part(self, role: Role, name: str, *, issued_ago: timedelta = timedelta(0)) -> Path:
        """Issue a certificate for a day; return its folder."""
        identity = SpiffeId(self.trust_domain, role, name)
        self.folder.issue(identity, HOSTS if role.serves else (), LIFETIME, datetime.now(UTC) - issued_ago)
        return self.folder.folder_of(identity)

    def pair(self, role: Role, name: str, *, issued_ago: timedelta = timedelta(0)) -> KeyPair:
        return pair_in(self.part(role, name, issued_ago=issued_ago))

    def revoke(self, role: Role, name: str) -> None:
        self.folder.revoke(SpiffeId(self.trust_domain, role, name), datetime.now(UTC))

    def renew(self, role: Role, name: str) -> None:
        self.folder.renew(SpiffeId(self.trust_domain, role, name), datetime.now(UTC))

    def with_uris(self, *uris: str) -> KeyPair:
        """Sign a certificate with any URIs, as an authority that is not ours might."""
        authority, now = self.folder.authority(), datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(authority.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - LIFETIME)
            .not_valid_after(now + LIFETIME)
            .add_extension(names, critical=True)
            .sign(authority.key, hashes.SHA256())
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return KeyPair(certificate.public_bytes(serialization.Encoding.PEM), private)

    def channel_credentials(self, pair: KeyPair | None = None) -> grpc.ChannelCredentials:
        key, certificate = (None, None) if pair is None else (pair.key, pair.certificate)
        return grpc.ssl_channel_credentials(self.folder.trusted(), key, certificate)

    def server_credentials(self, folder: Path) -> grpc.ServerCredentials:
        """Return the credentials of a server that wants certificates of its clients."""
        pair = pair_in(folder)
        return grpc.ssl_server_credentials(
            [(pair.key, pair.certificate)], self.folder.trusted(), require_client_auth=True
        )

    def client_context(self, folder: Path, pair: KeyPair | None = None) -> ssl.SSLContext:
        """Return the TLS context of an HTTP client. `folder`: for the files that OpenSSL wants."""
        context = ssl.create_default_context(cadata=self.folder.trusted().decode())
        if pair is not None:
            file = folder / f"{hash(pair.certificate)}.pem"
            file.write_bytes(pair.certificate + pair.key)
            context.load_cert_chain(file)
        return context

    def server_context(self, folder: Path) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.folder.trusted().decode())
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        context.verify_mode = ssl.CERT_REQUIRED
        return context


def pair_in(folder: Path) -> KeyPair:
    return KeyPair((folder / "tls.crt").read_bytes(), (folder / "tls.key").read_bytes())
