"""Deletes labels of VIMs that are gone: conductors of versions before labels leave them behind.

Only summaries would count them, because they count labels without looking at the VIMs.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, select

from vimesh.store.schema.tables import standings, vim_labels

_IS_LEFT_OVER = ~exists().where(standings.c.number == vim_labels.c.number).correlate(vim_labels)
_HAS_ANY = select(select(vim_labels.c.number).where(_IS_LEFT_OVER).exists())
_DELETE = delete(vim_labels).where(_IS_LEFT_OVER)


def has_leftover_labels(connection: Connection) -> bool:
    return bool(connection.execute(_HAS_ANY).scalar_one())


def delete_leftover_labels(connection: Connection) -> None:
    connection.execute(_DELETE)
