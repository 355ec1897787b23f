"""Whether a transaction of which nothing is left is run again, and when."""

from __future__ import annotations

from typing import Final

from vimesh.store.databases.conflict_pauses import pauses_s
from vimesh.store.databases.galera_turns import AnothersTurn
from vimesh.store.transactions.driver_errors import ErrorKind, kind_of

_PAUSES_S: Final = (0.0, 0.25)
"""Before a new connection is tried: at once, for most often it is a good one; then later, while an address moves."""


class StaleConnection(ConnectionError):
    """The connection was ended before anything could be committed: another server may be in charge, or a new one."""


class TransactionRetries:
    """What may still be done for one transaction. Its time limit is kept by its caller."""

    def __init__(self) -> None:
        self._conflicts = pauses_s()
        self._connections = iter(_PAUSES_S)

    def pause_s(self, error: Exception) -> float | None:
        """Return when to run the transaction again after this error; None: it must not be, or not any more."""
        if isinstance(error, StaleConnection):
            return next(self._connections, None)
        # Also of its commit: the server says that it was rolled back.
        again = isinstance(error, AnothersTurn) or kind_of(error) is ErrorKind.CONFLICT
        return next(self._conflicts) if again else None
