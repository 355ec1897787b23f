"""Reads certificates, keys and tokens that other files name by a path or hold in base64."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Final

from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES, MAX_KEY_BYTES
from vimesh.files.read_files import read_text

MAX_PEM: Final = 48 * 1024
"""Characters of certificates that `auth_cred` has room for beside the rest."""
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"
_KEY_END: Final = "PRIVATE KEY-----"


class TooLarge(Exception):
    """There are more certificates than fit, such as all those of a system."""


class NamedFiles:
    """`folder`: where relative paths begin; `home`: what `~` stands for."""

    def __init__(self, folder: Path, home: Path) -> None:
        self._folder = folder
        self._home = home
        self._texts: dict[tuple[Path, int], str] = {}

    def certificates(self, path: str) -> str:
        """Return the certificates in a file as PEM, and nothing else of it. Raises BadFile, TooLarge."""
        return certificates_in(self._text(path, MAX_DOCUMENT_BYTES))

    def key(self, path: str) -> str:
        """Return the private key in a file as PEM. Raises BadFile."""
        return key_in(self._text(path, MAX_KEY_BYTES))

    def token(self, path: str) -> str:
        """Return the token in a file. Raises BadFile."""
        token = self._text(path, MAX_KEY_BYTES).strip()
        if not token or not token.isprintable() or " " in token:
            raise BadFile("holds no token")
        return token

    def _text(self, path: str, max_bytes: int) -> str:
        place = self._home / path[2:] if path.startswith("~/") else self._folder / path
        if (place, max_bytes) not in self._texts:
            try:
                self._texts[place, max_bytes] = read_text(place, max_bytes)
            except OSError as error:
                raise BadFile(f"cannot be read: {error.strerror}") from None
        return self._texts[place, max_bytes]


def certificates_in(text: str) -> str:
    """Return the certificates in a text as PEM. Raises BadFile if there are none, TooLarge."""
    blocks: list[str] = []
    end = 0
    while (begin := text.find(_BEGIN, end)) >= 0 and (last := text.find(_END, begin)) >= 0:
        end = last + len(_END)
        blocks.append(text[begin:end])
    if not blocks:
        raise BadFile("holds no certificate in PEM")
    if sum(map(len, blocks)) > MAX_PEM:
        raise TooLarge
    return "\n".join(blocks) + "\n"


def key_in(text: str) -> str:
    """Return the private key in a text as PEM. Raises BadFile."""
    last = text.rfind(_KEY_END)
    end = last + len(_KEY_END)
    middle = text.rfind("-----END ", 0, end)
    begin = text.rfind("-----BEGIN ", 0, max(0, middle))
    if last < 0 or middle < 0 or begin < 0 or end - begin > MAX_KEY_BYTES:
        raise BadFile("holds no private key in PEM")
    return text[begin:end] + "\n"


def decoded(text: str) -> str:
    """Return the text that a base64 text stands for. Raises BadFile."""
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode()
    except (binascii.Error, ValueError):
        raise BadFile("is not base64 of a text") from None
