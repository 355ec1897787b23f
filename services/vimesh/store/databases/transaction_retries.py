"""Decides whether and when a transaction that was rolled back is retried."""

from __future__ import annotations

from random import SystemRandom
from typing import Final

from vimesh.runtime.backoff import Backoff
from vimesh.store.databases.error_kinds import kind_of
from vimesh.store.databases.galera_turns import AnothersTurn
from vimesh.store.transactions.driver_errors import ErrorKind

_RANDOM: Final = SystemRandom()
_FIRST_S: Final = 0.005
_LONGEST_S: Final = 0.1
_PAUSES_S: Final = (0.0, 0.25)
"""Pauses before a new connection: first none, since most often it works; then longer, while an address moves."""


class StaleConnection(ConnectionError):
    """The connection ended before anything could be committed: another server may have taken over."""


class TransactionRetries:
    """The remaining retries of one transaction. Its caller enforces the time limit."""

    def __init__(self) -> None:
        self._conflicts = Backoff(first_s=_FIRST_S, longest_s=_LONGEST_S, random=_RANDOM, least_part=0.0)
        self._connections = iter(_PAUSES_S)

    def pause_s(self, error: Exception) -> float | None:
        """Return the pause before a retry after this error, or None if there must be no further retry."""
        if isinstance(error, StaleConnection):
            return next(self._connections, None)
        # Includes errors of COMMIT: the server states that the transaction was rolled back.
        is_retryable = isinstance(error, AnothersTurn) or kind_of(error) is ErrorKind.CONFLICT
        return self._conflicts.pause_s() if is_retryable else None
