"""Explains TLS errors in the words of an operator instead of OpenSSL's."""

from __future__ import annotations

import ssl
from typing import Final

# Keys: codes of OpenSSL's certificate verification.
_CERTIFICATE: Final = {
    9: "the certificate of the server is not valid yet",
    10: "the certificate of the server has expired",
    23: "the certificate of the server was revoked",
}
_OF_ANOTHER_NAME: Final = (62, 64)
_ALERT: Final = "ALERT_"
_VERSIONS: Final = ("WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE")


def tls_words(error: ssl.SSLError) -> str:
    """Return the cause, without a full stop."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error.verify_code, error.verify_message)
    reason = (error.reason or "").upper()
    if any(version in reason for version in _VERSIONS):
        return "no version of it is taken by both sides, or the server speaks another protocol"
    if _ALERT in reason:
        return _of_alert(reason.partition(_ALERT)[2])
    return (reason.replace("_", " ") or " ".join(str(error).split())).lower()


def _of_certificate(code: int, why: str) -> str:
    if code in _OF_ANOTHER_NAME:
        return f"the certificate of the server is of another host: {why.strip().rstrip('.')}"
    return _CERTIFICATE.get(code) or f"no trusted authority has signed the certificate of the server: {why}"


def _of_alert(alert: str) -> str:
    alert_text = alert.replace("_", " ").lower()
    if alert in {"CERTIFICATE_REQUIRED", "HANDSHAKE_FAILURE"}:
        return f"the server ends the handshake, and may require a client certificate: {alert_text}"
    if "CA" in alert.split("_") or "CERTIFICATE" in alert:
        return f"the server does not take the client certificate: {alert_text}"
    return f"the server ends the handshake: {alert_text}"
