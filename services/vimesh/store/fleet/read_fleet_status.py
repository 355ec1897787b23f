"""Reads the fleet at one look."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, func, select

from vimesh.domain.fleet.fleet_status import DatabaseFacts, FleetStatus, WholeFleet
from vimesh.domain.fleet.process_announcements import present_processes
from vimesh.store.dialects.registry import dialect_of
from vimesh.store.fleet.announced_processes import read_announced
from vimesh.store.fleet.fleet_counts import count_todos, count_vims
from vimesh.store.schema.notification_tables import receivers
from vimesh.store.schema.timestamps import moment
from vimesh.store.sql.sql_functions import NowMicros

_CLOCK = select(NowMicros())
_ENABLED_RECEIVERS = select(func.count()).where(receivers.c.disabled.is_(False))


def read_fleet_status(connection: Connection, projects: Collection[str] | None, latency_s: float | None) -> FleetStatus:
    """Return counts of the VIMs of these projects, or of all; and the rest of the fleet, if a latency is given."""
    counts = count_vims(connection, projects)
    now = connection.execute(_CLOCK).scalar_one()
    if latency_s is None:
        return FleetStatus(moment(now), counts)
    product, version = dialect_of(connection.dialect).product_and_version(connection.dialect)
    whole = WholeFleet(
        processes=present_processes(read_announced(connection, now), moment(now)),
        database=DatabaseFacts(product, version, latency_s),
        todos=count_todos(connection, now),
        receivers=connection.execute(_ENABLED_RECEIVERS).scalar_one(),
    )
    return FleetStatus(moment(now), counts, whole)
