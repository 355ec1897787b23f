"""Reads the certificates that VIMs show: bytes that a peer has chosen, so this is bounded, and expects anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from vimesh.domain.conditions.conditions import Certificate

if TYPE_CHECKING:
    from cryptography.x509 import Certificate as Parsed
    from cryptography.x509 import Name

MOST_BYTES: Final = 8 * 1024
"""Of a longer certificate, only the dates are read: its names may take 25 ms, in which not even other threads of Python
run. One with 100 names has 5 KB."""
_MOST_NAMES: Final = 100
_MOST_IN_CHAIN: Final = 10
_LONGEST_NAME: Final = 255
_LONGEST_SUBJECT: Final = 1024


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A certificate of which nothing can be told but its fingerprint."""

    why: str


def can_read() -> bool:
    """Return whether what parses certificates is installed: a Mistral executor does without it."""
    return find_spec("cryptography") is not None


def read_certificate(chain: Sequence[bytes]) -> Certificate | Unreadable:
    """Read a certificate in DER form, which comes first, and the subjects of those that were sent with it.

    Whether it is valid for anybody is not told: see `with_verification`.

    This can take 5 ms of CPU: do not call it in the loop for what a peer has sent. Never raises.
    """
    try:
        return _read(chain)
    except Exception as error:  # noqa: BLE001 - a peer has chosen the bytes, and parsers raise many kinds of errors
        return Unreadable(f"it cannot be parsed: {type(error).__name__}: {printable(str(error))[:200]}")


def _read(chain: Sequence[bytes]) -> Certificate:
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 - not everywhere installed, and slow to import

    parsed = load_der_x509_certificate(chain[0])
    is_long = len(chain[0]) > MOST_BYTES
    return Certificate(
        subject="" if is_long else _text_of(parsed.subject),
        issuer="" if is_long else _text_of(parsed.issuer),
        names=() if is_long else tuple(_names_of(parsed)),
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        sha256=sha256(chain[0]).hexdigest(),
        chain_subjects=tuple(_subjects_of(chain[1:])),
        verified=None,
        verify_error="",
    )


def _names_of(parsed: Parsed) -> Iterator[str]:
    from cryptography.x509 import DNSName, ExtensionNotFound, IPAddress, SubjectAlternativeName  # noqa: PLC0415 - see above

    try:
        found = parsed.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return
    except Exception:  # noqa: BLE001 - one odd extension must not hide when the certificate ends
        return
    left = _MOST_NAMES
    for name in found:
        if left and isinstance(name, DNSName | IPAddress):
            left -= 1
            yield printable(str(name.value))[:_LONGEST_NAME]


def _subjects_of(chain: Iterable[bytes]) -> Iterator[str]:
    from cryptography.x509 import load_der_x509_certificate  # noqa: PLC0415 - see above

    for _, der in zip(range(_MOST_IN_CHAIN), chain, strict=False):
        if len(der) > MOST_BYTES:
            return
        try:
            yield _text_of(load_der_x509_certificate(der).subject)
        except Exception:  # noqa: BLE001 - what was sent besides must not hide the certificate itself
            return


def _text_of(name: Name) -> str:
    return printable(name.rfc4514_string())[:_LONGEST_SUBJECT]


def printable(text: str) -> str:
    """Return the text with anything that could deceive people or upset a database replaced."""
    return text if text.isprintable() else "".join(each if each.isprintable() else "?" for each in text)
