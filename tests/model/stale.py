"""Conductors that trust in a transaction what they read before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, FrozenResult, Select, select

from vimesh.domain.vims import Outcome
from vimesh.store import reports, sweep
from vimesh.store.changes import Changes
from vimesh.store.database import Database
from vimesh.store.dialects import NowMicros
from vimesh.store.group import Contact
from vimesh.store.known import Found, Known
from vimesh.store.recording import Recording
from vimesh.store.secrets import Cipher
from vimesh.store.shown import Row
from vimesh.store.sql import SqlStore

_CLOCK = select(NowMicros())


class _Remembering:
    """A connection that answers one question from memory."""

    def __init__(self, connection: Connection, question: Select[Any], remembered: FrozenResult[Any]) -> None:
        self._connection = connection
        self._question = question
        self._remembered = remembered

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a Connection has
        return getattr(self._connection, name)

    def execute(self, statement: Any, *parameters: Any) -> Any:  # noqa: ANN401 - as a Connection
        if statement is self._question:
            return self._remembered()
        return self._connection.execute(statement, *parameters)


class StaleRead(SqlStore):
    """Judges by rows that may have changed."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        super().__init__(database, cipher)
        self._recording = _StaleRecording(database)


def _written_onto(connection: Connection, read: Mapping[str, Row], contacts: Sequence[Contact]) -> reports.Written:
    changes = Changes.begin(connection)
    found = Found.begin(connection, Known().state, changes.newest, changes.stamp, changes.now)
    return reports.write_onto({}, read, contacts, changes, found)


class _StaleRecording(Recording):
    async def record(self, contacts: Sequence[Contact]) -> list[Outcome]:
        vim_ids = {report.vim_id for report, _ in contacts}
        read = await self._database.read(lambda c: reports._rows(c, vim_ids))
        said = await self._look(contacts)
        if None not in said:
            return [outcome for outcome in said if outcome is not None]
        try:
            written = await self._database.write(lambda c: _written_onto(c, read, contacts))
        except reports.Overtaken:
            return await self._write(contacts)
        return written.outcomes


class StaleSweep(SqlStore):
    """Replaces actions that may have been heard, or replaced, since."""

    async def sweep(self, limit: int) -> int:
        if not await self._database.read(sweep.any_to_replace):
            return 0
        found = {"now": await self._database.read(lambda c: c.execute(_CLOCK).scalar_one()), "count": limit}
        read = await self._database.read(lambda c: c.execute(sweep._OLDEST, found).freeze())
        return await self._database.write(
            lambda c: sweep.sweep(_Remembering(c, sweep._OLDEST, read), limit),  # type: ignore[arg-type]  # as good as one
        )
