"""Issues tokens (JWT), valid ones and others."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

HOUR_S = 3600


class SigningKey:
    """A key of an issuer."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwk(self) -> dict[str, str]:
        public = self._key.public_key().public_numbers()
        numbers = {"n": _number(public.n), "e": _number(public.e)}
        return {"kty": "RSA", "kid": self.key_id, "alg": "RS256", "use": "sig", **numbers}

    def sign(self, claims: dict[str, object]) -> str:
        text = _unsigned({"alg": "RS256", "kid": self.key_id}, claims)
        return f"{text}.{_base64(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    def sign_as_shared_secret(self, claims: dict[str, object]) -> str:
        """Sign as if the public key, which everyone can read, were a secret: what careless verifiers accept."""
        text = _unsigned({"alg": "HS256", "kid": self.key_id}, claims)
        public = self._key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return f"{text}.{_base64(hmac.digest(public, text.encode(), hashlib.sha256))}"


def key_set(*keys: SigningKey) -> bytes:
    return json.dumps({"keys": [key.jwk() for key in keys]}).encode()


def unsigned(claims: dict[str, object]) -> str:
    return _unsigned({"alg": "none"}, claims) + "."


def claims_of(subject: str, *, lifetime_s: float = HOUR_S, **claims: object) -> dict[str, object]:
    """Return the claims of a token for vimesh, which `claims` add to or replace."""
    expires_at = int(time.time() + lifetime_s)
    return {"iss": "https://idp.example", "aud": ["vimesh"], "sub": subject, "exp": expires_at, **claims}


def _unsigned(header: dict[str, str], claims: dict[str, object]) -> str:
    return f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(claims).encode())}"


def _number(number: int) -> str:
    return _base64(number.to_bytes((number.bit_length() + 7) // 8))


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
