"""Names the files of certificates and tokens, as `vimesh certs` and Kubernetes write them, and reads them together.

Who reads them decides which are required and what they must hold; nothing here knows certificates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from vimesh.files.file_errors import BadFile
from vimesh.files.read_files import read_whole

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
TRUSTED: Final = "ca.crt"
REVOKED: Final = "crl.pem"
TOKEN: Final = "token"  # noqa: S105 - the name of a file
"""A bearer token, beside a certificate or instead of one."""
LOGIN: Final = "login.json"
"""In the folder of a login, beside the token: what renews it."""

_MAX_BYTES: Final = 1024 * 1024
"""For each file."""
_ATTEMPTS: Final = 3

Version = tuple[tuple[int, int, int] | None, ...]
"""Changes whenever one of the files is replaced or written; None for a file that is missing."""


@dataclass(frozen=True, slots=True)
class FolderContents:
    """Files as they were at one moment."""

    contents: Mapping[str, bytes] = field(repr=False)
    """By name; empty for a file that is missing."""
    version: Version


class CertificateFiles:
    """Files of a folder that may be replaced at any time, one by one or all at once by a link, as Kubernetes does."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        self._names = tuple(names)

    def version(self) -> Version:
        """Return the version of the files as they are now. Never raises."""
        return tuple(self._state_of(name) for name in self._names)

    def read(self) -> FolderContents:
        """Read all files. Raises BadFile, which names the file."""
        for _ in range(_ATTEMPTS):
            before = self.version()
            contents = {name: self._read(name) for name in self._names}
            if self.version() == before:
                return FolderContents(contents, before)
        raise BadFile("the files are being replaced again and again")

    def _state_of(self, name: str) -> tuple[int, int, int] | None:
        try:
            state = (self._folder / name).stat()
        except OSError:
            return None
        return state.st_ino, state.st_size, state.st_mtime_ns

    def _read(self, name: str) -> bytes:
        try:
            return read_whole(self._folder / name, _MAX_BYTES)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise BadFile(f"{name} cannot be read: {error.strerror}") from error
        except BadFile as error:
            raise BadFile(f"{name} {error.description}") from error
