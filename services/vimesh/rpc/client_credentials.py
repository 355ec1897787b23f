"""Reads what a client shows to the front of the mesh, and whom it trusts there.

The files of a folder are those that `vimesh certs`, cert-manager and Kubernetes write. Each may be missing: without a
certificate, the client only shows its token; without trusted authorities, it trusts those of the system.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc

from vimesh.domain.errors import BadSetting
from vimesh.files.certificate_files import CERTIFICATE, KEY, TOKEN, TRUSTED
from vimesh.files.file_errors import BadFile
from vimesh.files.read_files import read_whole

_NAMES: Final = (CERTIFICATE, KEY, TRUSTED, TOKEN)
_MAX_BYTES: Final = 256 * 1024
_ATTEMPTS: Final = 3

Version = tuple[object, ...]


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
    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def version(self) -> Version:
        """Return a value that changes whenever one of the files is replaced or written."""
        return tuple(self._state_of(name) for name in _NAMES)

    def read(self) -> ClientCredentials:
        """Read the files as they are at one moment. Raises BadSetting."""
        for _ in range(_ATTEMPTS):
            before = self.version()
            if not any(before):
                raise BadSetting(str(self), f"holds none of {', '.join(_NAMES)}; vimesh certs issue makes them")
            contents = {name: self._read(name) for name in _NAMES}
            if self.version() == before:
                break
        self._check(contents)
        return ClientCredentials(
            contents[CERTIFICATE], contents[KEY], contents[TRUSTED], self._parse_token(contents[TOKEN])
        )

    def _state_of(self, name: str) -> object:
        try:
            state = (self._path / name).stat()
        except OSError:
            return None
        return state.st_ino, state.st_size, state.st_mtime_ns

    def _read(self, name: str) -> bytes:
        path = self._path / name
        try:
            return read_whole(path, _MAX_BYTES)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
        except BadFile as error:
            raise BadSetting(str(path), str(error)) from error

    def _check(self, contents: dict[str, bytes]) -> None:
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
