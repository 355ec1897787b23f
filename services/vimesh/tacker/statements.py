"""Builds the queries on Tacker's tables. Only names are fixed here: column types differ between releases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, DateTime, Select, TableClause, and_, column, func, literal, or_, select, table

from vimesh.tacker.selection import Selection

VIMS: Final = "vims"
VIMAUTHS: Final = "vimauths"
_VIMS_TEXTS: Final = ("type", "tenant_id", "name", "description", "placement_attr")
_VIMAUTHS_TEXTS: Final = ("password", "auth_url", "vim_project", "auth_cred")
NEEDED: Final[Mapping[str, frozenset[str]]] = {
    VIMS: frozenset({"id", "is_default", *_VIMS_TEXTS}),
    VIMAUTHS: frozenset({"id", "vim_id", *_VIMAUTHS_TEXTS}),
}
_LATER: Final = ("extra", "deleted_at")
"""Columns of `vims` that were added in later releases."""
MAX_COLUMN: Final = 64 * 1024
"""Characters, or bytes of a binary column: MariaDB's TEXT holds no more, and the fleet accepts no more."""
_NO_DATE: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - the column has no time zone


class Statements:
    """Builds queries that use only the columns that this database has."""

    def __init__(self, vims_columns: Collection[str]) -> None:
        later = [name for name in _LATER if name in vims_columns]
        names = sorted(NEEDED[VIMS])
        self._vims = _table(VIMS, [*names, *later])
        self._auths = _table(VIMAUTHS, sorted(NEEDED[VIMAUTHS]))
        self._extra: ColumnElement[Any] = self._vims.c.extra if "extra" in later else literal(None).label("extra")

    def page(self, selection: Selection, after: str, size: int) -> Select[Any]:
        """Select VIMs in the order of their ids. A VIM with two rows of credentials, never seen yet, appears twice."""
        vims, auths = self._vims, self._auths
        return (
            select(
                vims.c.id,
                vims.c.is_default,
                *(_clipped(name, vims.c[name]) for name in _VIMS_TEXTS),
                _clipped("extra", self._extra),
                *(_clipped(name, auths.c[name]) for name in _VIMAUTHS_TEXTS),
                auths.c.id.label("auth_id"),
            )
            .select_from(vims.outerjoin(auths, auths.c.vim_id == vims.c.id))
            .where(self._meant(selection), vims.c.id > after)
            .order_by(vims.c.id)
            .limit(size)
        )

    def count(self, selection: Selection) -> Select[Any]:
        return select(func.count().label("vims")).select_from(self._vims).where(self._meant(selection))

    def known(self, selection: Selection) -> Select[Any]:
        return select(self._vims.c.id, self._vims.c.name).where(self._meant(selection))

    def projects(self, selection: Selection) -> Select[Any]:
        """Select those of the projects that have live VIMs."""
        project = self._vims.c.tenant_id
        return select(project).where(self._live(), project.in_(selection.projects)).distinct()

    def _meant(self, selection: Selection) -> ColumnElement[bool]:
        vims = self._vims
        terms = [self._live()]
        if selection.names or selection.vim_ids:
            terms.append(or_(vims.c.name.in_(selection.names), vims.c.id.in_(selection.vim_ids)))
        if selection.projects:
            terms.append(vims.c.tenant_id.in_(selection.projects))
        return and_(*terms)

    def _live(self) -> ColumnElement[bool]:
        # In later releases, where a deletion frees the VIM's name, live rows have the first day of the calendar here.
        # In earlier ones they have NULL.
        if "deleted_at" not in self._vims.c:
            return literal(1) == literal(1)
        deleted_at = self._vims.c.deleted_at
        return or_(deleted_at.is_(None), deleted_at < literal(_NO_DATE, DateTime()))


def _clipped(name: str, value: ColumnElement[Any]) -> ColumnElement[Any]:
    """Select one character more than is allowed, so that a column of many megabytes is not transferred."""
    return func.substr(value, 1, MAX_COLUMN + 1).label(name)


def _table(name: str, columns: Collection[str]) -> TableClause:
    return table(name, *(column(each) for each in columns))
