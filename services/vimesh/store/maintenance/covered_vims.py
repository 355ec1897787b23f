"""Selects the VIMs that a window covers now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Dialect, Select, func, select, true

from vimesh.domain.maintenance.maintenance_windows import Coverage
from vimesh.store.filters.sql_condition import sql_condition
from vimesh.store.rows.visible_rows import WHOLE_VIM
from vimesh.store.schema.tables import vims


def select_covered(coverage: Coverage, dialect: Dialect, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select columns of the VIMs that the window covers, as `Coverage.includes` decides it."""
    of_project = vims.c.project_id == coverage.project_id if coverage.project_id else true()
    chosen = vims.c.id.in_(coverage.vim_ids) if coverage.vim_ids else sql_condition(coverage.filter, dialect)
    return select(*columns).select_from(WHOLE_VIM).where(of_project, chosen)


def count_covered(coverage: Coverage, dialect: Dialect) -> Select[Any]:
    return select_covered(coverage, dialect, func.count())
