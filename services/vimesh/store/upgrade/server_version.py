"""Checks that the version of a database server is supported."""

from __future__ import annotations

from sqlalchemy import Dialect

from vimesh.store.dialects.server_dialect import DatabaseServer, cannot_connect, numbered_version


def require_new_enough(dialect: Dialect, server: DatabaseServer) -> None:
    """Raise CannotConnect for a server that is too old. The dialect knows its version after the first connection."""
    product, oldest = server.dialect.product(dialect)
    version = numbered_version(dialect)
    if version < oldest:
        cause = f"{product} {_text(version)} is too old; {_text(oldest)} or newer is needed"
        raise cannot_connect(server.connector, cause)


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
