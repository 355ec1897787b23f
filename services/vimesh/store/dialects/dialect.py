"""Names everything in which databases differ."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import BindParameter, Column, Connection, String, Table, bindparam, select, tuple_
from sqlalchemy.engine.interfaces import Dialect as SqlalchemyDialect
from sqlalchemy.types import TypeEngine

from vimesh.store.dialects.joined_update import JoinedUpdate
from vimesh.store.transactions.driver_errors import ErrorCodes

_PAIRS: BindParameter[Any] = bindparam("pairs", expanding=True)


class Dialect(ABC):
    """A database, and all that it does its own way: an EmbeddedDialect or a ServerDialect, which say how it is opened.

    What has a value here is as most databases do it.
    """

    schemes: ClassVar[Collection[str]]
    """The first parts of its URLs, without a driver."""
    url_form: ClassVar[str]
    """How its URLs look, for error messages."""
    sqlalchemy_names: ClassVar[Sequence[str]]
    """What SQLAlchemy calls it."""
    errors: ClassVar[ErrorCodes] = ErrorCodes()

    @abstractmethod
    def product_and_version(self, dialect: SqlalchemyDialect) -> tuple[str, str]:
        """Return what people call the database, and its version, once there was a connection."""

    # Functions of SQL.

    now_micros: ClassVar[str]
    """See `NowMicros`."""
    read_only: ClassVar[str]
    """See `ReadOnly`."""

    def byte_length(self, text: str) -> str:
        """See `ByteLength`."""
        return f"octet_length({text})"

    def clamp(self, lower: str, value: str, upper: str) -> str:
        """See `within`."""
        return f"LEAST(GREATEST({value}, {lower}), {upper})"

    @abstractmethod
    def is_among(self, column: str, values: str) -> str:
        """See `among`. `values` is one parameter, of the type `list_type`."""

    def list_type(self, kind: TypeEngine[Any]) -> TypeEngine[Any]:  # noqa: ARG002 - of dialects with arrays
        """Return the type of a parameter that has any number of values of this type."""
        return String()

    @abstractmethod
    def list_value(self, values: Sequence[Any]) -> Any:  # noqa: ANN401 - depends on the driver
        """Return these values in the form in which the driver takes them as one parameter."""

    def is_match(self, column: str, pattern: str) -> str:
        """See `matches`. `pattern` is what `pattern_of` made."""
        # Not a backslash, which MariaDB also treats as an escape in string literals.
        return f"{column} LIKE {pattern} ESCAPE '|'"

    def pattern_of(self, wildcards: str) -> str:
        """Translate a pattern in which only `*` is special."""
        for special in "|%_":
            wildcards = wildcards.replace(special, f"|{special}")
        return wildcards.replace("*", "%")

    # Types of columns. None: what SQLAlchemy makes of the general type.

    whole_number: ClassVar[TypeEngine[Any] | None] = None
    """The type of an integer of 64 bits."""
    binary: ClassVar[TypeEngine[Any] | None] = None
    """The type of up to 16 MiB."""

    def word(self, length: int) -> TypeEngine[Any] | None:  # noqa: ARG002 - of dialects that need another type
        """Return the type of a text of up to this many characters that is compared by code points."""
        return None

    # Tables.

    def table_options(self, dialect: SqlalchemyDialect) -> Mapping[str, Any]:  # noqa: ARG002 - for products of a dialect
        """Return the options with which Alembic makes a table that compares text by code points."""
        return {}

    def leave_room_in_pages(self, table: str) -> str | None:  # noqa: ARG002 - of dialects that keep row versions
        """Return the statement that keeps half of each page free for new versions of its rows; None: no such need."""
        return None

    # Statements that run often or with many rows.

    def rows(self, connection: Connection, sql: str, parameters: tuple[Any, ...]) -> Sequence[Sequence[Any]]:
        """Run a SELECT that is in the form of the driver."""
        return connection.exec_driver_sql(sql, parameters).all()

    def run_many(self, connection: Connection, sql: str, parameters: Sequence[tuple[Any, ...]]) -> int:
        """Run a statement for each set of parameters. Return how many rows were found, -1 if that is unknown."""
        connection.exec_driver_sql(sql, list(parameters))
        return -1

    def joined_update(self, table: Table, keys: Sequence[str], columns: Sequence[str]) -> JoinedUpdate | None:  # noqa: ARG002 - of dialects that are asked over a network
        """Return what updates many rows in one statement; None: one by one is as fast, and `run_many` counts them."""
        return None

    def existing_pairs(
        self, connection: Connection, columns: tuple[Column[Any], Column[Any]], pairs: Collection[tuple[str, str]]
    ) -> Sequence[Sequence[Any]]:
        """Return those of the pairs that two columns of a table have. There is an index that begins with them."""
        return connection.execute(select(*columns).where(tuple_(*columns).in_(_PAIRS)), {"pairs": list(pairs)}).all()

    # Transactions.

    def notify_of_commit(self, connection: Connection) -> None:  # noqa: B027 - most databases have no notifications
        """Notify all that listen when the transaction commits, if the database has notifications."""

    def is_cluster_node(self, connection: Connection) -> bool:  # noqa: ARG002 - of dialects that have clusters
        """Return whether writers at other servers may commit at the same time: see `galera_turns`."""
        return False
