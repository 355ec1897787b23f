"""Reads what the database tells of a fleet that is to be upgraded."""

from __future__ import annotations

from sqlalchemy import Connection, inspect, select

from vimesh.domain.fleet.process_announcements import FleetProcess, present_processes
from vimesh.domain.fleet.upgrade_plan import Survey
from vimesh.store.fleet.announced_processes import read_announced
from vimesh.store.schema.tables import processes
from vimesh.store.schema.timestamps import moment
from vimesh.store.sql.sql_functions import NowMicros
from vimesh.store.upgrade.table_versions import tables_of


def survey_fleet(connection: Connection) -> Survey:
    """Return the tables, and the processes that were heard of within the last hour."""
    return Survey(tables_of(connection), _processes(connection))


def _processes(connection: Connection) -> list[FleetProcess]:
    # Tables of an early version have none.
    if not inspect(connection).has_table(processes.name):
        return []
    now = connection.execute(select(NowMicros())).scalar_one()
    return present_processes(read_announced(connection, now), moment(now))
