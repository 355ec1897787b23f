"""Reads and writes what receivers were told last of each VIM."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select

from vimesh.domain.notifications.delivery_store import Claim
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.vims import Status
from vimesh.store.notifications.claim_receivers import require_claim
from vimesh.store.notifications.receiver_rows import moment_or_none
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.notification_tables import notices
from vimesh.store.schema.timestamps import micros_of
from vimesh.store.sql.page_tokens import position_of, token_of
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_OF_RECEIVER = notices.c.receiver_id == bindparam("of_receiver")
_AFTER = (
    select(notices)
    .where(_OF_RECEIVER, notices.c.vim_id > bindparam("after"))
    .order_by(notices.c.vim_id)
    .limit(bindparam("count"))
)
_REPLACED = delete(notices).where(_OF_RECEIVER, among(notices.c.vim_id, "ids"))
_INSERT = PreparedStatement(insert(notices).values({column.name: bindparam(column.name) for column in notices.c}))
_RESOLVED = delete(notices).where(_OF_RECEIVER, notices.c.resolved, notices.c.revision <= bindparam("up_to"))


def page(connection: Connection, claim: Claim, page_size: int, page_token: str) -> tuple[list[Notice], str]:
    """Return notices in the order of the ids of VIMs, and the token of the next page.

    Raises ClaimLost, PageTokenInvalid.
    """
    require_claim(connection, claim)
    key = ("notices", claim.receiver_id)
    after = position_of(page_token, key, (str,))[0] if page_token else ""
    parameters = {"of_receiver": claim.receiver_id, "after": after, "count": page_size + 1}
    rows = connection.execute(_AFTER, parameters).mappings().all()
    shown = rows[:page_size]
    token = token_of(key, (shown[-1]["vim_id"],)) if len(rows) > page_size else ""
    return [_notice_of(row) for row in shown], token


def store_notices(connection: Connection, receiver_id: str, stored: Iterable[Notice]) -> None:
    """Store notices, each in the place of the one of the same VIM. Of several of one VIM, the last one counts."""
    rows = {notice.vim_id: _row_of(receiver_id, notice) for notice in stored}
    if rows:
        connection.execute(_REPLACED, {"of_receiver": receiver_id, "ids": list(rows)})
        _INSERT.run(connection, rows.values())


def remove_resolved(connection: Connection, receiver_id: str, revision: int) -> None:
    """Remove those with nothing more to tell that the receiver has got past."""
    connection.execute(_RESOLVED, {"of_receiver": receiver_id, "up_to": revision})


def _row_of(receiver_id: str, notice: Notice) -> dict[str, Any]:
    return {
        "receiver_id": receiver_id,
        "vim_id": notice.vim_id,
        "vim_name": notice.vim_name,
        "group_key": notice.group_key,
        "status": notice.status,
        "reason": notice.reason,
        "since": _micros_or_none(notice.since),
        "revision": notice.revision,
        "told_time": _micros_or_none(notice.told_time),
        "muted": notice.muted,
        "resolved": notice.resolved,
    }


def _notice_of(row: Row) -> Notice:
    return Notice(
        vim_id=row["vim_id"],
        vim_name=row["vim_name"],
        group_key=row["group_key"],
        status=None if row["status"] is None else Status(row["status"]),
        reason=row["reason"],
        since=moment_or_none(row["since"]),
        revision=row["revision"],
        told_time=moment_or_none(row["told_time"]),
        muted=row["muted"],
        resolved=row["resolved"],
    )


def _micros_or_none(time: dt.datetime | None) -> int | None:
    return None if time is None else micros_of(time)
