"""Gives each change its time, revision, event and to-dos in the transaction that makes it (G8, G9)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from vimesh.domain.events import EventKind
from vimesh.domain.vims import Status
from vimesh.store.change_log import log_size
from vimesh.store.change_log.log_size import SEGMENT_BYTES
from vimesh.store.change_log.needless_todos import drop_needless
from vimesh.store.change_log.todos_of_events import todos_of
from vimesh.store.dialects.registry import dialect_of
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.event_documents import size_of, text_of
from vimesh.store.schema.tables import events, revisions, todos, vims
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import NowMicros, ReadOnly, among
from vimesh.store.transactions.driver_errors import ReadOnlyServer
from vimesh.tracing.spans import current_traceparent

_HEAD = PreparedStatement(
    select(
        revisions.c.newest,
        revisions.c.written,
        revisions.c.counted,
        revisions.c.undoable_from,
        revisions.c.undoable_until,
        revisions.c.log_id,
    ).with_for_update()
)
NEWEST_STAMP = select(events.c.time).where(events.c.revision == revisions.c.newest).scalar_subquery()
"""The time of the newest change."""
_CLOCK = PreparedStatement(select(NowMicros(), NEWEST_STAMP, ReadOnly()).select_from(revisions))
_MOVE_HEAD = PreparedStatement(
    update(revisions).values(
        newest=bindparam("to"),
        written=bindparam("bytes"),
        counted=bindparam("to"),
        undoable_from=bindparam("undoable"),
        undoable_until=bindparam("to"),
    )
)
_INSERT_EVENTS = PreparedStatement(insert(events).values({column.name: bindparam(column.name) for column in events.c}))
_PROJECTS = PreparedStatement(select(vims.c.id, vims.c.project_id).where(among(vims.c.id, "ids")))


class Previous(NamedTuple):
    """The status before a change, so that it can be undone: see `as_of`."""

    status: Status
    reason: str
    time: int | None
    """Since when it had this status, in microseconds; None if there was none."""


NEW_VIM: Final = Previous(Status.PENDING, "", None)


def previous_of(row: Row) -> Previous:
    return Previous(Status(row["status"]), row["reason"], row["status_time"])


@dataclass(slots=True)
class Changes:
    """The changes of one transaction, which locks out all other writers from `begin` until it ends."""

    connection: Connection
    newest: int
    now: int
    """The time of all changes of the transaction, in microseconds."""
    stamp: int | None
    """The time of the newest change; None if the log is empty."""
    written_bytes: int
    """The bytes of all changes ever made."""
    undoable_from: int
    """The first of the changes that say what they replaced, up to the newest."""
    log_id: str
    _events: list[dict[str, Any]] = field(default_factory=list)
    _segments: list[dict[str, Any]] = field(default_factory=list)
    _registration_revisions: dict[str, int] = field(default_factory=dict)
    """The revision of the registration of each VIM whose action is stopped."""

    @classmethod
    def begin(cls, connection: Connection) -> Changes:
        """Lock out other writers. Raises ReadOnlyServer or DBAPIError if nothing can be written."""
        [[newest, written_bytes, counted, undoable_from, undoable_until, log_id]] = _HEAD.rows(connection, {})
        # Read after the lock is taken, so that times follow the order of commits, too.
        [[now, stamp, read_only]] = _CLOCK.rows(connection, {})
        if read_only:
            # MariaDB and MySQL let any user lock rows on a read-only server, and let administrators write: then two
            # servers would accept writes at the same time.
            raise ReadOnlyServer
        if counted < newest:
            written_bytes += log_size.uncounted_bytes(connection, counted)
        if undoable_until < newest:
            undoable_from = newest + 1
        return cls(connection, newest, now, stamp, written_bytes, undoable_from, log_id)

    def next_revision(self) -> int:
        """Return the revision of the change that is added next."""
        return self.newest + 1

    def add(  # noqa: PLR0913 - each is a column
        self,
        kind: EventKind,
        after: Row,
        *,
        previous: Previous,
        stopped: Row | None = None,
        document: Mapping[str, Any] | None = None,
        actor: str = "",
        seen: int | None = None,
    ) -> int:
        """Add the change that left a VIM as shown in `after`, whose revision is `next_revision()`; return its bytes.

        `previous` is what its status was; `stopped` is the previous row of the VIM if the change stopped its action;
        `document` is the VIM as its event keeps it; `actor` is the identity that made the change; `seen` is from when
        on the status and reason held, if that was earlier.
        """
        self.newest += 1
        self.stamp = self.now
        text = None if document is None else text_of(document)
        size = size_of(after["detail"], text, actor)
        self._count(size)
        if stopped:
            self._registration_revisions[after["id"]] = stopped["number"]
        self._events.append(
            {
                "revision": self.newest,
                "vim_id": after["id"],
                "kind": kind,
                "time": self.now,
                "engine": after["engine"],
                "action_id": after["action_id"],
                "stopped_action_id": stopped["action_id"] if stopped else "",
                "stopped_engine": stopped["engine"] if stopped else None,
                "status": after["status"],
                "previous_status": previous.status,
                "reason": after["reason"],
                "detail": after["detail"],
                "document": text,
                "project_id": after.get("project_id"),
                "actor": actor,
                "seen_time": seen if seen is not None and seen < self.now else None,
                "previous_reason": previous.reason,
                "previous_status_time": previous.time,
            },
        )
        return size

    def _count(self, size: int) -> None:
        before, self.written_bytes = self.written_bytes, self.written_bytes + size
        if before // SEGMENT_BYTES != self.written_bytes // SEGMENT_BYTES:
            self._segments.append({"revision": self.newest, "position": self.written_bytes})

    def write(self) -> None:
        """Write the events and their to-dos, and move the head. Call this once, at the end."""
        if not self._events:
            return
        self._fill_in_projects()
        _INSERT_EVENTS.run(self.connection, self._events)
        if planned := drop_needless(
            self.connection, todos_of(self._events, current_traceparent()), self._registration_revisions
        ):
            self.connection.execute(insert(todos), planned)
        if self._segments:
            log_size.insert_segments(self.connection, self._segments)
        head = {"to": self.newest, "bytes": self.written_bytes, "undoable": self.undoable_from}
        _MOVE_HEAD.run(self.connection, [head])
        dialect_of(self.connection.dialect).notify_of_commit(self.connection)

    def _fill_in_projects(self) -> None:
        """Add the projects of VIMs whose rows do not say them: those that a sweep changes."""
        incomplete = [event for event in self._events if event["project_id"] is None]
        if not incomplete:
            return
        ids = list({event["vim_id"]: None for event in incomplete})
        projects: dict[str, str] = dict(_PROJECTS.rows(self.connection, {"ids": ids}))  # type: ignore[arg-type]  # pairs
        for event in incomplete:
            event["project_id"] = projects[event["vim_id"]]
