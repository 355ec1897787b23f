"""Signs tokens (JWT) that end, for programs of a fleet without an issuer of its own.

The key is in `authority/`, and what checks its tokens in `trust/jwks.json`, which a front reads as `jwks_file`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from vimesh.certificates.certificate_authority import BadAuthority
from vimesh.certificates.certificate_folder import CertificateFolder
from vimesh.certificates.file_generations import replace_file, replace_files
from vimesh.certificates.spiffe_ids import Role, SpiffeId
from vimesh.files.certificate_files import TOKEN, TRUSTED

AUDIENCE: Final = "vimesh"
_KEY: Final = "token.key"
_KEY_SET: Final = "jwks.json"
_TOKENS: Final = "tokens"
_NUMBER_BYTES: Final = 32
"""Of a coordinate, and of each half of a signature (RFC 7518, section 3.4)."""


@dataclass(frozen=True, slots=True)
class ServiceToken:
    identity: str
    """As conductors are told: issuer and name."""
    expires_at: datetime
    folder: Path
    """Holds `token` and `ca.crt`, as clients take it."""


class ServiceTokens:
    """Several processes may use it at once."""

    def __init__(self, certificates: CertificateFolder) -> None:
        self._certificates = certificates

    @property
    def key_set(self) -> Path:
        """The file with the public key, which `prepare` makes."""
        return self._certificates.trust_folder / _KEY_SET

    def prepare(self) -> None:
        """Make the key, if there is none. Raises AuthorityMissing, BadAuthority, OSError."""
        with self._certificates.locked():
            self._key()

    def replace_key(self) -> None:
        """Make another key: no token that was issued before is valid any more. Raises AuthorityMissing, OSError."""
        with self._certificates.locked():
            self._make_key()

    def issue(
        self, name: str, roles: Sequence[str], projects: Sequence[str], lifetime: timedelta, now: datetime
    ) -> ServiceToken:
        """Write a token to the folder of the name, in place of a former one, which stays valid until its end.

        Raises AuthorityMissing, BadAuthority, BadIdentity, OSError.
        """
        domain = self._certificates.authority().trust_domain
        SpiffeId(domain, Role.CLI, name)  # the name of a token is spelled as that of a certificate
        issuer, expires_at = f"spiffe://{domain}", now + lifetime
        claims = {
            "iss": issuer,
            "aud": [AUDIENCE],
            "sub": name,
            "iat": int(now.timestamp()),
            "exp": int(expires_at.timestamp()),
            "jti": secrets.token_urlsafe(16),
            "vimesh_roles": list(roles),
            "vimesh_projects": list(projects),
        }
        with self._certificates.locked():
            token = _signed(self._key(), claims)
        folder = self._certificates.path / _TOKENS / name
        replace_files(folder, {TOKEN: token, TRUSTED: self._certificates.trusted()})
        return ServiceToken(f"{issuer}#{name}", expires_at, folder)

    def _key(self) -> ec.EllipticCurvePrivateKey:
        path = self._certificates.authority_folder / _KEY
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except FileNotFoundError:
            return self._make_key()
        except (ValueError, TypeError) as error:
            raise BadAuthority(f"{path} cannot be read: {error}") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise BadAuthority(f"{path} is not a key as vimesh certs token makes it")
        self._publish(key)
        return key

    def _make_key(self) -> ec.EllipticCurvePrivateKey:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        replace_file(self._certificates.authority_folder / _KEY, pem)
        self._publish(key)
        return key

    def _publish(self, key: ec.EllipticCurvePrivateKey) -> None:
        """Write what checks the tokens of the key, unless it is there: a process may have died before it did."""
        content = json.dumps({"keys": [_jwk(key.public_key())]}).encode() + b"\n"
        if not self.key_set.exists() or self.key_set.read_bytes() != content:
            replace_file(self.key_set, content)


def _signed(key: ec.EllipticCurvePrivateKey, claims: dict[str, object]) -> bytes:
    """Return a JWT (RFC 7519) by ES256."""
    header = {"alg": "ES256", "typ": "JWT", "kid": _jwk(key.public_key())["kid"]}
    text = b".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    numbers = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    return text + b"." + _base64(b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in numbers))


def _jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """Return the key as RFC 7517 has it, named by its thumbprint (RFC 7638)."""
    point = key.public_numbers()
    x, y = (_base64(number.to_bytes(_NUMBER_BYTES, "big")).decode() for number in (point.x, point.y))
    required = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    thumbprint = hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest()
    return {**required, "kid": _base64(thumbprint).decode(), "use": "sig", "alg": "ES256"}


def _base64(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")
