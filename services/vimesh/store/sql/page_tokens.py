"""Encodes page tokens: the position at which the next page of a query starts."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from vimesh.domain.errors import PageTokenInvalid

Position = tuple[str | int, ...]
_MAX_INT = 2**63


def token_of(query: object, position: Position) -> str:
    """Make a token that only the same query accepts. `query` may be any value whose repr identifies it completely."""
    text = json.dumps([_digest(query, position), *position], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(token: str, query: object, kinds: tuple[type, ...]) -> Position:
    """Read a token. Raises PageTokenInvalid unless `token_of` made it for this query."""
    try:
        padded = token + "=" * (-len(token) % 4)
        _, *values = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        position = tuple(values)
        genuine = [type(value) for value in position] == list(kinds) and token_of(query, position) == token
    # RecursionError: JSON that is nested too deeply.
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise PageTokenInvalid from error
    if not genuine or not all(map(_can_be_stored, position)):
        raise PageTokenInvalid
    return position


def _can_be_stored(value: str | int) -> bool:
    # Not every database accepts NUL in text.
    return "\0" not in value if isinstance(value, str) else 0 <= value < _MAX_INT


def _digest(query: object, position: Position) -> str:
    return hashlib.sha256(repr((query, position)).encode(errors="backslashreplace")).hexdigest()[:16]
