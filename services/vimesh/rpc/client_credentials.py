"""Reads what a client shows to the front of the mesh, and whom it trusts there.

The files of a folder are those that `vimesh certs`, cert-manager and Kubernetes write. Each may be missing: without a
certificate, the client only shows its token; without trusted authorities, it trusts those of the system.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc

from vimesh.domain.errors import BadSetting
from vimesh.files.certificate_files import CERTIFICATE, KEY, TOKEN, TRUSTED, CertificateFiles, Version
from vimesh.files.file_errors import BadFile

_NAMES: Final = (CERTIFICATE, KEY, TRUSTED, TOKEN)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The contents of the files; empty for a file that is missing."""

    certificate: bytes
    key: bytes = field(repr=False)
    trusted: bytes
    token: str = field(repr=False)
    """A bearer token, such as a JWT."""

    def for_channel(self) -> grpc.ChannelCredentials:
        tls = grpc.ssl_channel_credentials(self.trusted or None, self.key or None, self.certificate or None)
        if not self.token:
            return tls
        return grpc.composite_channel_credentials(tls, grpc.access_token_call_credentials(self.token))


class CredentialFolder:
    refused_tokens = 0
    """None that is not in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = CertificateFiles(path, _NAMES)

    def __str__(self) -> str:
        return str(self._path)

    def version(self) -> Version:
        """Return a value that changes whenever one of the files is replaced or written."""
        return self._files.version()

    def refuse_token(self) -> None:
        """Do nothing: `version` says whether there is another token."""

    def read(self) -> ClientCredentials:
        """Read the files as they are at one moment. Raises BadSetting."""
        try:
            contents = self._files.read().contents
        except BadFile as error:
            raise BadSetting(str(self), str(error)) from error
        if not any(contents.values()):
            raise BadSetting(str(self), f"holds none of {', '.join(_NAMES)}; vimesh certs issue makes them")
        self._check(contents)
        return ClientCredentials(
            contents[CERTIFICATE], contents[KEY], contents[TRUSTED], self._parse_token(contents[TOKEN])
        )

    def _check(self, contents: Mapping[str, bytes]) -> None:
        """Raise BadSetting for files that gRPC could not use: it would only say that it cannot connect."""
        if bool(contents[CERTIFICATE]) != bool(contents[KEY]):
            raise BadSetting(str(self), f"needs {CERTIFICATE} and {KEY}, or neither of them")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            if contents[TRUSTED]:
                context.load_verify_locations(cadata=contents[TRUSTED].decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise BadSetting(str(self._path / TRUSTED), "must hold certificates in PEM") from error
        try:
            if contents[CERTIFICATE]:
                context.load_cert_chain(self._path / CERTIFICATE, self._path / KEY, password=_no_password)
        except (ssl.SSLError, OSError, ValueError) as error:
            raise BadSetting(
                str(self), f"{CERTIFICATE} and {KEY} must be a certificate and its unencrypted key, in PEM"
            ) from error

    def _parse_token(self, content: bytes) -> str:
        token = content.strip()
        if not token.isascii() or any(byte <= ord(" ") for byte in token):
            raise BadSetting(str(self._path / TOKEN), "must hold a bearer token in one line of ASCII")
        return token.decode("ascii")


def _no_password() -> bytes:
    """Keep OpenSSL from asking for the password of an encrypted key at the terminal."""
    return b""
