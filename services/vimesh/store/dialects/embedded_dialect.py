"""Names everything in which databases differ that run in our process."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Protocol

from sqlalchemy import Connection

from vimesh.store.dialects.dialect import Dialect
from vimesh.store.transactions.database import Transactions


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


class EmbeddedDialect(Dialect):
    @abstractmethod
    def place(self, url: str, lock_timeout_s: float) -> EmbeddedDatabase:
        """Read a URL. Raises BadSetting, and ValueError for a text that is not a URL."""
