"""Gives the server its certificate, and takes new ones without a restart.

The folder holds `tls.crt`, `tls.key` and `ca.crt`, as `vimesh certs`, cert-manager and SPIFFE helpers write them.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from vimesh.certificates.spiffe_ids import BadIdentity, SpiffeId, parse_spiffe_id
from vimesh.domain.errors import BadSetting
from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED, CertificateFiles
from vimesh.files.file_errors import BadFile

_log = structlog.get_logger()

_NAMES: Final = (CERTIFICATE, KEY, TRUSTED)


class BadCertificates(Exception):
    """The files are no certificate with its key. The message says why."""


class ServerCertificates:
    """The certificate of a conductor. gRPC asks for it at each handshake, from threads of its own."""

    def __init__(self, folder: Path) -> None:
        """Raises BadSetting if there is no certificate that a conductor can use."""
        self.folder = folder
        self._files = CertificateFiles(folder, _NAMES)
        self._lock = threading.Lock()
        try:
            files = self._files.read()
            self.identity = _check(files.contents)
        except (BadFile, BadCertificates) as error:
            raise BadSetting("credentials", f"{folder} has no certificate to use: {error}") from error
        self._version = files.version
        self._configuration = _configuration_of(files.contents)

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that require a certificate from each client. Each server needs its own."""
        given = self._configuration

        def newer() -> grpc.ServerCertificateConfiguration | None:
            """Return the certificate if it is another one than the server has."""
            nonlocal given
            if (latest := self._latest()) is given:
                return None
            given = latest
            return latest

        return grpc.dynamic_ssl_server_credentials(
            given,
            newer,  # type: ignore[arg-type]  # None: as before
            require_client_authentication=True,
        )

    def _latest(self) -> grpc.ServerCertificateConfiguration:
        """Return the certificate in the files, or the present one if they hold none. Never raises."""
        with self._lock:
            try:
                if self._files.version() != self._version:
                    files = self._files.read()
                    self._version = files.version
                    identity = _check(files.contents, self.identity.trust_domain)
                    self._configuration = _configuration_of(files.contents)
                    _log.info("a new certificate is used", identity=str(identity))
            except (BadFile, BadCertificates) as error:
                _log.error("a new certificate cannot be used", folder=str(self.folder), error=str(error))
            return self._configuration


def _check(contents: Mapping[str, bytes], trust_domain: str = "") -> SpiffeId:
    """Return who the certificate is for.

    Raises BadCertificates unless the key belongs to it, and if it is of another trust domain than the one given.
    """
    if missing := [name for name, content in contents.items() if not content]:
        raise BadCertificates(f"{', '.join(missing)} is missing or empty")
    try:
        certificate = x509.load_pem_x509_certificate(contents[CERTIFICATE])
        key = serialization.load_pem_private_key(contents[KEY], password=None)
        x509.load_pem_x509_certificates(contents[TRUSTED])
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        [uri] = names.get_values_for_type(x509.UniformResourceIdentifier)
        identity = parse_spiffe_id(uri)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound, BadIdentity) as error:
        raise BadCertificates(str(error)) from error
    if certificate.public_key() != key.public_key():
        raise BadCertificates("the key is not that of the certificate")
    if trust_domain not in ("", identity.trust_domain):
        raise BadCertificates(f"the trust domain is {identity.trust_domain}, and no longer {trust_domain}")
    return identity


def _configuration_of(contents: Mapping[str, bytes]) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(contents[KEY], contents[CERTIFICATE])], contents[TRUSTED])
