"""Classifies errors of database drivers by their meaning for the transaction and its connection."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final

from sqlalchemy.exc import DBAPIError


class ErrorKind(Enum):
    CONFLICT = auto()
    """The server rolled the transaction back because of another one. A retry may succeed."""
    READ_ONLY = auto()
    """The server is read-only, as after a fail-over: nothing was written, and another server is the primary."""
    LOST = auto()
    """The connection has ended or is ending."""
    NOT_READY = auto()
    """The server cannot work at present: it is starting, or has lost its peers. Another server may be able to."""
    FULL = auto()
    """The server has no room on its disk, in its memory, or for another connection."""
    OTHER = auto()


class ReadOnlyServer(Exception):
    """The server reports that it is read-only, although it might accept our writes."""

    def __init__(self) -> None:
        super().__init__("the server is read-only")


_SQLSTATES: Final = {
    ErrorKind.CONFLICT: ("40001", "40P01", "55P03"),
    ErrorKind.READ_ONLY: ("25006",),
    # 57P01 to 57P05: ended by the administrator, a crash, a dropped database, or idleness. 25P03, 25P04: a transaction
    # was idle or took too long.
    ErrorKind.LOST: ("57P01", "57P02", "57P04", "57P05", "25P03", "25P04"),
    ErrorKind.NOT_READY: ("57P03",),
}
_CLASSES: Final = {"08": ErrorKind.LOST, "53": ErrorKind.FULL, "58": ErrorKind.NOT_READY}
"""Kinds by the first two characters of the SQLSTATE: connections, resources such as disks, the operating system."""
_NUMBERS: Final = {
    # 1020: the snapshot is outdated (MariaDB). 1205, 1213: lock timeout, deadlock. 3101: the group rejects the commit
    # (MySQL).
    ErrorKind.CONFLICT: (1020, 1205, 1213, 3101),
    # 1223: a read lock on all tables. 1290: --read-only, see _OPTION. 1792, 1836: a read-only transaction or server.
    # 1874: InnoDB is read-only. 3100: a group member that is not the primary.
    ErrorKind.READ_ONLY: (1223, 1290, 1792, 1836, 1874, 3100),
    # 1053: the server shuts down. 1927, 3169, 4031: it ended this connection.
    ErrorKind.LOST: (1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2014, 2055, 3169, 4031),
    # 1047: a node without its cluster. 1129: our host is blocked. 2002, 2003: no server listens. 3032: offline mode.
    ErrorKind.NOT_READY: (1047, 1129, 2002, 2003, 3032),
    # 1021, 1114: a disk or a file is full. 1038, 1041: out of memory. 1040, 1203, 1226: too many connections.
    ErrorKind.FULL: (1021, 1038, 1040, 1041, 1114, 1203, 1226),
}
_OPTION: Final = 1290
"""This number is also used for options that have nothing to do with writing."""

_BY_SQLSTATE: Final = {state: kind for kind, states in _SQLSTATES.items() for state in states}
_BY_NUMBER: Final = {number: kind for kind, numbers in _NUMBERS.items() for number in numbers}


def kind_of(error: BaseException) -> ErrorKind:
    """Return the kind of an error, or of the error that it was raised from."""
    causes = list(_causes(error))
    for one in causes:
        if (kind := _kind(one)) is not ErrorKind.OTHER:
            return kind
    # Checked last: a connection is also marked invalid when we end it because of an error of the server.
    return ErrorKind.LOST if any(map(_is_lost, causes)) else ErrorKind.OTHER


def code_of(error: BaseException) -> str | int | None:
    """Return the SQLSTATE of PostgreSQL, or the error number of MariaDB or MySQL, if the server sent one."""
    return next((code for one in _causes(error) if (code := own_code(one)) is not None), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.orig if isinstance(one, DBAPIError) else one.__cause__


def own_code(error: BaseException) -> str | int | None:
    """Return the code as `code_of` does, but ignore the error that this one was raised from."""
    # The number goes first: in MariaDB it is more specific than the SQLSTATE, which is nearly always HY000. The number
    # of an OSError is its errno, which is unrelated.
    first = None if isinstance(error, OSError) else next(iter(error.args), None)
    return first if isinstance(first, int) else _state(error)


def _state(error: BaseException) -> str | None:
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _kind(error: BaseException) -> ErrorKind:
    if isinstance(error, ReadOnlyServer):
        return ErrorKind.READ_ONLY
    code, state = own_code(error), _state(error)
    if isinstance(code, int) and (kind := _BY_NUMBER.get(code)) is not None:
        return ErrorKind.OTHER if code == _OPTION and not _mentions_read_only(error) else kind
    if state is not None:
        return _BY_SQLSTATE.get(state) or _CLASSES.get(state[:2], ErrorKind.OTHER)
    return ErrorKind.OTHER


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, OSError | EOFError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _mentions_read_only(error: BaseException) -> bool:
    return "read-only" in str(error) or "read_only" in str(error)
