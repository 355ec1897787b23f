"""Remembers for a short time what Keystone has said about tokens."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from vimesh.api.keystone.token_claims import TokenClaims

LONGEST_S: Final = 60.0
"""How long a token that was revoked may still count."""
MAX_TOKENS: Final = 4096


class TokenCache:
    """Holds digests of tokens, not tokens. `clock` returns seconds that only grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._valid = _RecentAnswers()
        # Apart from the others, so that a stranger's random tokens push no valid ones out.
        self._invalid = _RecentAnswers()

    def find(self, token: str) -> tuple[bool, TokenClaims | None]:
        """Return whether there is an answer, and which: the claims, or None for a token that is not valid."""
        key, now = _digest(token), self._clock()
        if (claims := self._valid.find(key, now)) is not None:
            return claims
        return self._invalid.find(key, now) or (False, None)

    def keep(self, token: str, claims: TokenClaims | None, valid_s: float) -> None:
        """Remember an answer, but a token for no longer than it is valid."""
        until = self._clock() + min(valid_s, LONGEST_S)
        (self._invalid if claims is None else self._valid).keep(_digest(token), claims, until)


class _RecentAnswers:
    def __init__(self) -> None:
        self._answers = OrderedDict[bytes, tuple[float, TokenClaims | None]]()

    def find(self, key: bytes, now: float) -> tuple[bool, TokenClaims | None] | None:
        until, claims = self._answers.get(key, (now, None))
        if until <= now:
            self._answers.pop(key, None)
            return None
        self._answers.move_to_end(key)
        return True, claims

    def keep(self, key: bytes, claims: TokenClaims | None, until: float) -> None:
        self._answers[key] = (until, claims)
        self._answers.move_to_end(key)
        if len(self._answers) > MAX_TOKENS:
            self._answers.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
