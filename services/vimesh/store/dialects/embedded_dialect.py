"""Names everything in which databases differ that run in our process."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection

from vimesh.store.dialects.dialect import Dialect
from vimesh.store.transactions.database import Transactions

ShowProgress = Callable[[int, int | None], object]
"""Takes how much is done, and how much there is in all, if that is known."""


class EmbeddedDatabase(Protocol):
    """A database without a server. It brings its own transactions."""

    @property
    def lock_timeout_s(self) -> float:
        """How long a statement waits for a lock that another process holds."""

    def transactions(self) -> Transactions:
        """Return what runs transactions. The database need not exist yet."""

    def change_tables(self, limit_s: float) -> AbstractContextManager[Connection]:
        """Create the database if it is missing, lock out all others, and commit at the end.

        Raises BadSetting, StoreUnavailable, OSError, DBAPIError.
        """

    def read_tables(self) -> AbstractContextManager[Connection]:
        """Connect to the database. Raises BadSetting if there is none, OSError, DBAPIError."""

    def back_up(self, target: Path, show: ShowProgress) -> None:
        """Copy the database, as it is at one moment, into an empty file, while others write; check the copy.

        Raises BackupRefused, OSError, DBAPIError.
        """

    def restore(self, source: Path, prepare: Callable[[EmbeddedDatabase], object], show: ShowProgress) -> Path | None:
        """Put a copy of a backup in the place of the database; return where the previous one is, if there was one.

        `prepare` gets the copy first, and may refuse or change it. Others must not use the database, and cannot
        meanwhile. Raises BackupRefused, OSError, DBAPIError, and what `prepare` raises.
        """


class EmbeddedDialect(Dialect):
    @abstractmethod
    def place(self, url: str, lock_timeout_s: float) -> EmbeddedDatabase:
        """Read a URL. Raises BadSetting, and ValueError for a text that is not a URL."""
