"""Breaks conductors: in a transaction, they trust what they read before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, FrozenResult, Select, select

from vimesh.domain.vims import Outcome
from vimesh.store.change_log.transaction import Changes
from vimesh.store.leases import replace_silent
from vimesh.store.reports import judge_and_write, read_standings
from vimesh.store.reports.group_commit import Contact
from vimesh.store.reports.report_pipeline import ReportPipeline
from vimesh.store.reports.standing_cache import LogPosition, StandingCache
from vimesh.store.rows.credential_encryption import Cipher
from vimesh.store.rows.visible_rows import Row
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.sql_store import SqlStore
from vimesh.store.transactions.database import Database

_CLOCK = select(NowMicros())


class _Remembering:
    """A connection that answers one query from memory."""

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
    """Judges by rows that may have changed since."""

    def __init__(self, database: Database, cipher: Cipher) -> None:
        super().__init__(database, cipher)
        self._reports = _StaleRecording(database)


def _written_onto(
    connection: Connection, read: Mapping[str, Row], contacts: Sequence[Contact]
) -> judge_and_write.ReportsWritten:
    changes = Changes.begin(connection)
    log_position = LogPosition.begin(changes, StandingCache().snapshot)
    return judge_and_write.judge_and_write_rows({}, read, contacts, changes, log_position)


class _StaleRecording(ReportPipeline):
    async def record_reports(self, contacts: Sequence[Contact]) -> list[Outcome]:
        vim_ids = {report.vim_id for report, _ in contacts}
        read = await self._database.read(lambda c: read_standings.read_rows(c, vim_ids))
        outcomes = await self._read_and_judge(contacts)
        if None not in outcomes:
            return [outcome for outcome in outcomes if outcome is not None]
        try:
            written = await self._database.write(lambda c: _written_onto(c, read, contacts))
        except judge_and_write.Overtaken:
            return await self._write(contacts)
        return written.outcomes


class StaleSweep(SqlStore):
    """Replaces actions that may have reported, or been replaced, since."""

    async def replace_silent(self, limit: int) -> int:
        if not await self._database.read(replace_silent.has_replaceable):
            return 0
        parameters = {"now": await self._database.read(lambda c: c.execute(_CLOCK).scalar_one()), "count": limit}
        read = await self._database.read(lambda c: c.execute(replace_silent._OLDEST, parameters).freeze())
        return await self._database.write(
            lambda c: replace_silent.replace_silent(_Remembering(c, replace_silent._OLDEST, read), limit),  # type: ignore[arg-type]  # as good as one
        )
