"""Names what errors of database drivers mean for the transaction and its connection, and reads their codes."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain

from sqlalchemy.exc import DBAPIError

Code = str | int
"""A SQLSTATE, as PostgreSQL sends it, or an error number of MariaDB or MySQL."""


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


@dataclass(frozen=True)
class ErrorCodes:
    """What the error codes of a database mean."""

    kinds: Mapping[Code, ErrorKind] = field(default_factory=dict)
    classes: Mapping[str, ErrorKind] = field(default_factory=dict)
    """Kinds by the first two characters of a SQLSTATE, for those that `kinds` does not have."""
    if_read_only_is_mentioned: Collection[Code] = ()
    """Codes of `kinds` that other errors have, too: they count only if the message mentions a read-only server."""
    connecting: Mapping[Code, str] = field(default_factory=dict)
    """Why a server rejects a connection, in the words of an operator."""
    of_driver: Collection[Code] = ()
    """Errors of the driver itself: its cause, if there is one, says more."""
    no_privilege: Collection[Code] = ()
    """The user may not read or make tables."""
    already_done: Collection[Code] = ()
    """What a migration makes exists already, or what it drops is gone already."""

    @classmethod
    def join(cls, each: Sequence[ErrorCodes]) -> ErrorCodes:
        """Return the codes of several databases. Where they share a code, it has the same meaning."""
        return cls(
            kinds=dict(ChainMap(*(dict(codes.kinds) for codes in each))),
            classes=dict(ChainMap(*(dict(codes.classes) for codes in each))),
            connecting=dict(ChainMap(*(dict(codes.connecting) for codes in each))),
            if_read_only_is_mentioned=frozenset(chain.from_iterable(codes.if_read_only_is_mentioned for codes in each)),
            of_driver=frozenset(chain.from_iterable(codes.of_driver for codes in each)),
            no_privilege=frozenset(chain.from_iterable(codes.no_privilege for codes in each)),
            already_done=frozenset(chain.from_iterable(codes.already_done for codes in each)),
        )


def kinds_by_code(codes: Mapping[ErrorKind, Collection[Code]]) -> dict[Code, ErrorKind]:
    return {code: kind for kind, of_kind in codes.items() for code in of_kind}


def code_of(error: BaseException) -> Code | None:
    """Return the SQLSTATE of PostgreSQL, or the error number of MariaDB or MySQL, if the server sent one."""
    return next((code for one in causes(error) if (code := own_code(one)) is not None), None)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, the error that it was raised from, and so on."""
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.orig if isinstance(one, DBAPIError) else one.__cause__


def own_code(error: BaseException) -> Code | None:
    """Return the code as `code_of` does, but ignore the error that this one was raised from."""
    # The number goes first: in MariaDB it is more specific than the SQLSTATE, which is nearly always HY000. The number
    # of an OSError is its errno, which is unrelated.
    first = None if isinstance(error, OSError) else next(iter(error.args), None)
    return first if isinstance(first, int) else state_of(error)


def state_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error, if it has one."""
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None
