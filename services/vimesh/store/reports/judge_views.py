"""Judges reports on VIMs that several vantages look at: the action says which of their views is meant (G1 to G6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from vimesh.domain.vims import Outcome, Recorded, Report, judge
from vimesh.store.change_log.transaction import Changes
from vimesh.store.reports.standing_cache import CachedStanding, LeaseGrant
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.timestamps import MICROS
from vimesh.store.shown_vims.view_rows import has_views, read_views
from vimesh.store.views.viewed_vim import ViewedVim, read_viewed, write_viewed

ViewKey = tuple[str, str]
"""The ids of a VIM and of an action."""


def viewed_in(rows: Mapping[str, Row]) -> list[str]:
    """Return the ids of those of the VIMs that several vantages look at."""
    return [vim_id for vim_id, row in rows.items() if has_views(row)]


def read_view_rows(connection: Connection, rows: Mapping[str, Row]) -> dict[ViewKey, Row]:
    """Return the views of those of the VIMs that have any, in the form of the rows of VIMs."""
    viewed = viewed_in(rows)
    if not viewed:
        return {}
    return {
        (vim_id, view["action_id"]): {**view, **{name: rows[vim_id][name] for name in ("engine", "project_id")}}
        for vim_id, of_vim in read_views(connection, viewed).items()
        for view in of_vim
    }


@dataclass(slots=True)
class ViewedReports:
    """Applies reports in order to the views of VIMs, in a transaction that writes them."""

    viewed: Mapping[str, ViewedVim]
    standings: dict[ViewKey, CachedStanding]
    """The standings of the views, as far as this transaction has not changed them."""
    change_ages_s: list[float] = field(default_factory=list)
    leases_left_s: list[float] = field(default_factory=list)

    def apply(self, report: Report, grant: LeaseGrant, now: int) -> Outcome:
        vim = self.viewed.get(report.vim_id)
        view = None if vim is None else vim.view_of_action(report.action_id)
        standing = self.standings.get((report.vim_id, report.action_id))
        outcome = judge(standing, report)
        if vim is None or view is None or standing is None or not standing.needs_write(outcome, grant):
            return outcome
        vim.record_silences()
        if standing.has_reported:
            self.leases_left_s.append((standing.lease_until - now) / MICROS)
        recorded = isinstance(outcome, Recorded)
        is_new_status = report.status is not standing.status
        if recorded and is_new_status and (standing.holds or not standing.has_reported):
            self.change_ages_s.append(report.age_s)
        until = max(grant.until, view["lease_until"] if view["lease_until"] <= grant.longest_until else 0)
        vim.record_contact(view, until, report if recorded else None)
        self.standings[report.vim_id, report.action_id] = CachedStanding(
            standing.action_id,
            report.status if recorded else standing.status,
            report.reason if recorded else view["reason"],
            view["observation"],
            bool(view["holds"]),
            number=standing.number,
            engine=standing.engine,
            project_id=standing.project_id,
            status_time=view["status_time"],
            has_reported=True,
            lease_until=until,
        )
        return outcome

    def write(self, connection: Connection) -> bool:
        """Write what has changed; return whether the actions were still those that were read."""
        return write_viewed(connection, self.viewed.values())


def viewed_reports(changes: Changes, vim_ids: Sequence[str], standings: dict[ViewKey, CachedStanding]) -> ViewedReports:
    return ViewedReports(read_viewed(changes.connection, vim_ids, changes), standings)
