"""Classifies errors of database drivers by the codes of all dialects."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from vimesh.store.dialects.registry import ERROR_CODES
from vimesh.store.transactions.driver_errors import ErrorKind, ReadOnlyServer, causes, own_code, state_of


def kind_of(error: BaseException) -> ErrorKind:
    """Return the kind of an error, or of the error that it was raised from."""
    chain = list(causes(error))
    for one in chain:
        if (kind := _kind(one)) is not ErrorKind.OTHER:
            return kind
    # Checked last: a connection is also marked invalid when we end it because of an error of the server.
    return ErrorKind.LOST if any(map(_is_lost, chain)) else ErrorKind.OTHER


def _kind(error: BaseException) -> ErrorKind:
    if isinstance(error, ReadOnlyServer):
        return ErrorKind.READ_ONLY
    code, state = own_code(error), state_of(error)
    if isinstance(code, int) and (kind := ERROR_CODES.kinds.get(code)) is not None:
        needs_mention = code in ERROR_CODES.if_read_only_is_mentioned
        return ErrorKind.OTHER if needs_mention and not _mentions_read_only(error) else kind
    if state is not None:
        return ERROR_CODES.kinds.get(state) or ERROR_CODES.classes.get(state[:2], ErrorKind.OTHER)
    return ErrorKind.OTHER


def _is_lost(error: BaseException) -> bool:
    return isinstance(error, OSError | EOFError) or (isinstance(error, DBAPIError) and error.connection_invalidated)


def _mentions_read_only(error: BaseException) -> bool:
    return "read-only" in str(error) or "read_only" in str(error)
