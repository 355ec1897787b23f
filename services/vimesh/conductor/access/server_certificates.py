"""Gives the server its certificate, and takes new ones without a restart.

The folder holds `tls.crt`, `tls.key` and `ca.crt`, as `vimesh certs`, cert-manager and SPIFFE helpers write them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
import structlog
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from vimesh.certificates.spiffe_ids import BadIdentity, SpiffeId, parse_spiffe_id
from vimesh.domain.errors import BadSetting
from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED
from vimesh.files.file_errors import BadFile
from vimesh.files.read_files import read_whole

_log = structlog.get_logger()

_CURRENT: Final = "..data"
"""A link to the folder with the present files, where all of them are replaced at once."""
_MAX_BYTES: Final = 1024 * 1024

_Stamp = tuple[tuple[int, int, int], ...]


class BadCertificates(Exception):
    """The files are no certificate with its key. The message says why."""


@dataclass(frozen=True, slots=True)
class _Files:
    certificate: bytes
    key: bytes
    trusted: bytes
    stamp: _Stamp


class ServerCertificates:
    """The certificate of a conductor. gRPC asks for it at each handshake, from threads of its own."""

    def __init__(self, folder: Path) -> None:
        """Raises BadSetting if there is no certificate that a conductor can use."""
        self._folder = folder
        self._lock = threading.Lock()
        try:
            files = _read(folder)
            self.identity = _check(files)
        except (OSError, BadCertificates) as error:
            raise BadSetting("credentials", f"{folder} has no certificate to use: {error}") from error
        self._stamp = files.stamp
        self._configuration = _configuration_of(files)

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials that require a certificate from each client."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration,
            self._newer_configuration,  # type: ignore[arg-type]  # None: as before
            require_client_authentication=True,
        )

    def _newer_configuration(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the certificate if it was replaced since the last handshake. Never raises: the present one stays."""
        with self._lock:
            try:
                if _stamp_of(self._folder) == self._stamp:
                    return None
                files = _read(self._folder)
                self._stamp = files.stamp
                identity = _check(files, self.identity.trust_domain)
            except (OSError, BadCertificates) as error:
                _log.error("a new certificate cannot be used", folder=str(self._folder), error=str(error))
                return None
            _log.info("a new certificate is used", identity=str(identity))
            return _configuration_of(files)


def _current(folder: Path) -> Path:
    link = folder / _CURRENT
    return link.resolve() if link.is_symlink() else folder


def _stamp_of(folder: Path) -> _Stamp:
    stats = [(folder / name).stat() for name in (CERTIFICATE, KEY, TRUSTED)]
    return tuple((stat.st_ino, stat.st_mtime_ns, stat.st_size) for stat in stats)


def _read(folder: Path) -> _Files:
    current = _current(folder)
    stamp = _stamp_of(current)
    try:
        certificate, key, trusted = (read_whole(current / name, _MAX_BYTES) for name in (CERTIFICATE, KEY, TRUSTED))
    except BadFile as error:
        raise BadCertificates(f"a file {error}") from error
    return _Files(certificate, key, trusted, stamp)


def _check(files: _Files, trust_domain: str = "") -> SpiffeId:
    """Return who the certificate is for.

    Raises BadCertificates unless the key belongs to it, and if it is of another trust domain than the one given.
    """
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate)
        key = serialization.load_pem_private_key(files.key, password=None)
        x509.load_pem_x509_certificates(files.trusted)
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


def _configuration_of(files: _Files) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(files.key, files.certificate)], files.trusted)
