"""Serves HTTP by TLS to those who show a certificate of the fleet's authority."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography import x509

from vimesh.certificates.spiffe_ids import BadIdentity, SpiffeId, parse_spiffe_id
from vimesh.domain.errors import BadSetting
from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED
from vimesh.rpc.client_credentials import CredentialFolder

_log = structlog.get_logger()

_ATTEMPTS: Final = 3


class ServerTls:
    """The files in a folder: `tls.crt`, `tls.key` and `ca.crt`. New ones count from the next connection on."""

    def __init__(self, folder: Path) -> None:
        """Raises BadSetting if there is no certificate to serve with."""
        self._folder = CredentialFolder(folder)
        self._path = folder
        self._version = self._folder.version()
        self._newest = self._load()

    def context(self) -> ssl.SSLContext:
        """Return the context of the server, in which each handshake uses the newest files."""
        return self._newest

    def identify(self, peer: Mapping[str, Any] | None) -> SpiffeId | None:
        """Return who a peer is, by its certificate as Python decodes it; None: nobody of our trust domain."""
        names = [value for kind, value in (peer or {}).get("subjectAltName", ()) if kind == "URI"]
        try:
            part = parse_spiffe_id(names[0]) if len(names) == 1 else None
        except BadIdentity:
            return None
        return part if part is not None and part.trust_domain == self._trust_domain else None

    def _load(self) -> ssl.SSLContext:
        for _ in range(_ATTEMPTS):
            before = self._folder.version()
            contents = self._folder.read()
            if not (contents.certificate and contents.trusted):
                what = f"needs {CERTIFICATE}, {KEY} and {TRUSTED} to serve by TLS; or listen on unix:PATH"
                raise BadSetting(str(self._path), what)
            context = self._context_of_files()
            if self._folder.version() == before:
                break
        self._trust_domain = _trust_domain_of(contents.certificate, self._path)
        return context

    def _context_of_files(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        # A resumed session would skip the check of the certificate.
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = self._renew
        try:
            # With a password, so that OpenSSL asks for none at the terminal.
            context.load_cert_chain(self._path / CERTIFICATE, self._path / KEY, password="")
            context.load_verify_locations(self._path / TRUSTED)
        except (OSError, ssl.SSLError) as error:
            raise BadSetting(str(self._path), f"has no certificate to serve with: {error}") from error
        return context

    def _renew(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _: ssl.SSLContext) -> None:
        """Give a handshake the newest files. OpenSSL calls this as soon as it has read the first message."""
        version = self._folder.version()
        if version != self._version:
            self._version = version
            try:
                self._newest = self._load()
            except BadSetting as error:
                _log.error("a new certificate cannot be used: the former one is", why=str(error))
        connection.context = self._newest


def _trust_domain_of(certificate: bytes, path: Path) -> str:
    try:
        names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
        [uri] = names.value.get_values_for_type(x509.UniformResourceIdentifier)
        return parse_spiffe_id(uri).trust_domain
    except (ValueError, x509.ExtensionNotFound, BadIdentity) as error:
        raise BadSetting(str(path / CERTIFICATE), "must hold one SPIFFE ID, such as spiffe://vimesh/api/a1") from error


def tls_for_fronts(credentials: Path | None, listen: str) -> ServerTls | None:
    """Return how only fronts are served: they say who calls, and limit what strangers ask for.

    `listen`: where, for which a unix socket is enough.
    """
    return None if credentials is None or listen.startswith("unix:") else ServerTls(credentials)
