"""Creates the TLS contexts of probes, and names TLS failures."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

from vimesh.domain.probing import Reason
from vimesh.monitor.probes.base.prober import LocalFault

_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
_FINITE_FIELD = {"kx-dhe", "kx-dhe-psk", "kx-srp"}
"""Key exchanges whose group the server makes up: one of 10,000 bits costs a client more than a second of CPU."""


class TlsExcess(ssl.SSLError):
    """The server sends more than any handshake or answer needs."""

    def __init__(self, detail: str) -> None:
        super().__init__(ssl.SSL_ERROR_SSL, detail)
        self.detail = detail


def verifying_context() -> ssl.SSLContext:
    """Return the context for VIMs whose certificate must be valid, by the system's authorities and for the host name.

    Raises LocalFault if the system has no authorities: no certificate is valid then, which is not a VIM's fault (G12).
    """
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not _has_authorities(ssl.get_default_verify_paths().capath):
        detail = "this machine has no CA certificates: install them, and restart the monitor"
        raise LocalFault(Reason.LOCAL_RESOURCES, detail)
    return narrowed(context)


def _has_authorities(folder: str | None) -> bool:
    """Return whether the folder has an authority that OpenSSL can find by its hash."""
    return folder is not None and any(_HASHED.fullmatch(entry.name) for entry in Path(folder).iterdir())


def lenient_context() -> ssl.SSLContext:
    """Return the context for all other VIMs: any certificate, and any old protocol and cipher that a cloud still uses.

    A probe carries no secrets: an eavesdropper learns nothing, and a man in the middle can only fake an answer.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    return narrowed(context)


def narrowed(context: ssl.SSLContext) -> ssl.SSLContext:
    """Disable features that only cost CPU: groups that the server makes up, renegotiation, compression, tickets."""
    # This list does not affect the ciphers of TLS 1.3, which are always enabled.
    ciphers = [cipher for cipher in context.get_ciphers() if cipher["kea"] not in _FINITE_FIELD]
    context.set_ciphers(":".join(cipher["name"] for cipher in ciphers))
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET
    return context


def tls_failure(error: ssl.SSLError) -> tuple[str, str]:
    if isinstance(error, TlsExcess):
        return Reason.TLS, error.detail
    if isinstance(error, ssl.SSLCertVerificationError):
        return Reason.TLS, f"certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Reason.RESET, "closed without an answer"
    # Python's own errors, unlike those of OpenSSL, have no reason.
    words = (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()
    return Reason.TLS, words
