"""Knows all tables of the database: each subject defines its own, in a module beside this one."""

from __future__ import annotations

from typing import Final

# A table is known to the metadata once its module was imported.
from vimesh.store.schema import (  # noqa: F401
    availability_tables,
    cause_tables,
    condition_tables,
    history_tables,
    maintenance_tables,
    notification_tables,
    pool_tables,
    tables,
    view_tables,
)
from vimesh.store.schema.table_metadata import metadata

ALL_TABLES: Final = metadata
