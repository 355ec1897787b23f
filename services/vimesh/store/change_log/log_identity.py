"""Gives the log of changes a new id, so that whoever knows the revisions of another log notices."""

from __future__ import annotations

import uuid
from typing import Final

from sqlalchemy import Connection, inspect, update

from vimesh.store.change_log.transaction import Changes
from vimesh.store.dialects.registry import dialect_of
from vimesh.store.schema.notification_tables import receivers
from vimesh.store.schema.tables import revisions

_MORE_CLAIMS: Final = 1_000_000
"""More than any receiver is claimed while a backup grows old: it is claimed once for each notifier that dies."""


def renew_log_id(connection: Connection) -> bool:
    """Make the log another one. Return False if the tables are of a version without ids: their upgrade gives one.

    All claims of receivers end: no notifier may record what it read in the log before, by a number that was given
    there and is given here once more.
    """
    if "log_id" not in {column["name"] for column in inspect(connection).get_columns(revisions.name)}:
        return False
    Changes.begin(connection)
    connection.execute(update(revisions).values(log_id=str(uuid.uuid4())))
    connection.execute(update(receivers).values(holder="", claim=receivers.c.claim + _MORE_CLAIMS, claim_until=0))
    dialect_of(connection.dialect).notify_of_commit(connection)
    return True
