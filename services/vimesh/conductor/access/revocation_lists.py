"""Knows which certificates were revoked: gRPC for Python looks at no lists.

The lists are in `crl.pem` beside the conductor's own certificate, one of each authority, in PEM. Like `ca.crt` they are
believed because they are there: their signatures and ends are not checked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from cryptography import x509

from vimesh.certificates.certificate_authority import BadAuthority, read_revocation_lists
from vimesh.domain.errors import BadSetting
from vimesh.files.certificate_files import REVOKED, CertificateFiles
from vimesh.files.file_errors import BadFile

_log = structlog.get_logger()

LOOK_EVERY_S: Final = 1.0
"""How often a call looks whether the file has changed."""
_MAX_ANSWERS: Final = 256


class RevocationLists:
    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises BadSetting if there is a file, and it holds no lists."""
        self._folder = folder
        self._files = CertificateFiles(folder, (REVOKED,))
        self._clock = clock
        self._look_at = clock() + LOOK_EVERY_S
        self._version = self._files.version()
        self._answers: dict[bytes, bool] = {}
        """By certificate, in PEM: a peer shows the same one with each call."""
        try:
            self._lists = self._read() if self._version != (None,) else []
        except (BadFile, BadAuthority) as error:
            raise BadSetting("credentials", f"{folder} has no list of revoked certificates to use: {error}") from error

    def includes(self, certificate_pem: bytes) -> bool:
        """Return whether a certificate that was verified has been revoked."""
        self._renew_if_changed()
        if not self._lists:
            return False
        if (revoked := self._answers.get(certificate_pem)) is None:
            if len(self._answers) >= _MAX_ANSWERS:
                self._answers.clear()
            revoked = self._answers[certificate_pem] = self._look_up(certificate_pem)
        return revoked

    def _look_up(self, certificate_pem: bytes) -> bool:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        return any(
            one.issuer == certificate.issuer
            and one.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
            for one in self._lists
        )

    def _renew_if_changed(self) -> None:
        if (now := self._clock()) < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_S
        if (version := self._files.version()) == self._version:
            return
        self._version = version
        try:
            self._lists = self._read()
        except (BadFile, BadAuthority) as error:
            _log.error("new lists of revoked certificates cannot be used", folder=str(self._folder), error=str(error))
            return
        self._answers.clear()
        _log.info("new lists of revoked certificates are used", authorities=len(self._lists))

    def _read(self) -> list[x509.CertificateRevocationList]:
        return read_revocation_lists(self._files.read().contents[REVOKED])
