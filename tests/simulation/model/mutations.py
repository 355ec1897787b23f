"""Breaks conductors: each lacks one thing that a guarantee depends on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Select, bindparam, exists, select

from tests.simulation.model.stale import StaleRead, StaleSweep
from vimesh.domain.errors import StoreUnavailable
from vimesh.domain.events import EventKind
from vimesh.domain.vims import BadAction, Engine, Outcome, Recorded, Report, Standing, judge
from vimesh.store.change_log import read_log, transaction
from vimesh.store.leases import lapse_leases, replace_silent
from vimesh.store.reports import confirm_repeats, judge_and_write, standing_cache
from vimesh.store.rows import vim_rows
from vimesh.store.rows.visible_rows import LAPSED, STANDING_AND_LEASE, Row
from vimesh.store.schema.tables import events as log
from vimesh.store.schema.tables import leases, standings
from vimesh.store.sql_store import SqlStore
from vimesh.store.vims import modify_vim, register_vim
from vimesh.store.vims.register_vim import first_action_id

Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Mutation:
    name: str
    guarantees: frozenset[str]
    """The guarantees that the model may find broken first."""
    apply: Callable[[Patch], None] = lambda _: None
    kind: type[SqlStore] = SqlStore


# --- the fence


def _no_action_id(patch: Patch) -> None:
    def believes_any_action(standing: Standing | None, report: Report) -> Outcome:
        return judge(standing and replace(standing, action_id=report.action_id), report)

    patch.setattr(judge_and_write, "judge", believes_any_action)


def _no_observation(patch: Patch) -> None:
    def believes_late_reports(standing: Standing | None, report: Report) -> Outcome:
        return judge(standing and replace(standing, observation=0), report)

    patch.setattr(judge_and_write, "judge", believes_late_reports)


def _signed_observation(patch: Patch) -> None:
    def signed(number: int) -> int:
        return number - 2**64 if number >= 2**63 else number

    def compares_as_the_column_does(standing: Standing | None, report: Report) -> Outcome:
        if standing is None or not report.observation:
            return judge(standing, report)
        late = signed(report.observation) < signed(standing.observation)
        return judge(replace(standing, observation=2**64 if late else 0), report)

    patch.setattr(judge_and_write, "judge", compares_as_the_column_does)


def _unknown_vims(patch: Patch) -> None:
    def believes_in_any_vim(standing: Standing | None, report: Report) -> Outcome:
        return Recorded(report.status) if standing is None else judge(standing, report)

    patch.setattr(judge_and_write, "judge", believes_in_any_vim)


def _unfenced_write(patch: Patch) -> None:
    for name in ("_UPDATE_STATUS", "_UPDATE_OBSERVATION"):
        patch.setattr(judge_and_write, name, replace(getattr(judge_and_write, name), keys=("number",)))
    patch.setattr(judge_and_write, "_expected_keys", lambda previous: (previous.number,))


def _changes_of_others_unseen(patch: Patch) -> None:
    patch.setattr(standing_cache, "_changed_since", lambda *_: frozenset())


def _repeats_unconfirmed(patch: Patch) -> None:
    patch.setattr(confirm_repeats.RepeatBatch, "is_current", lambda *_: True)


def _repeats_not_renewed(patch: Patch) -> None:
    patch.setattr(confirm_repeats.RepeatBatch, "is_lease_due", lambda *_: False)


def _same_action_for_a_new_target(patch: Patch) -> None:
    new_action = modify_vim._new_action

    def keeps_it(before: Row, engine: Engine | None, now: int) -> dict[str, Any]:
        return {**new_action(before, engine, now), "action_id": before["action_id"]}

    patch.setattr(modify_vim, "_new_action", keeps_it)


def _same_external_action_for_a_new_target(patch: Patch) -> None:
    def lets_the_old_one_in(before: Row, engine: Engine | None) -> str:
        return first_action_id(before["id"], engine) if engine else str(uuid.uuid4())

    patch.setattr(modify_vim, "_next_action_id", lets_the_old_one_in)


def _closed_for_good(patch: Patch) -> None:
    patch.setattr(modify_vim, "_reopens", lambda *_: False)


# --- leases and replacements


def _sweep_where(patch: Patch, *condition: Any) -> None:  # noqa: ANN401 - clauses of any kind
    patch.setattr(replace_silent, "_OLDEST", replace_silent._oldest(*condition))
    patch.setattr(
        replace_silent, "_ANY_REPLACEABLE", select(exists().select_from(STANDING_AND_LEASE).where(*condition))
    )


def _sweep_of_the_living(patch: Patch) -> None:
    _sweep_where(patch, ~leases.c.holds, standings.c.engine != Engine.EXTERNAL)


def _sweep_of_those_not_told(patch: Patch) -> None:
    _sweep_where(patch, LAPSED, standings.c.engine != Engine.EXTERNAL)


def _sweep_of_external(patch: Patch) -> None:
    _sweep_where(patch, ~leases.c.holds, LAPSED)


def _unfenced_sweep(patch: Patch) -> None:
    patch.setattr(replace_silent, "_REPLACE", replace(replace_silent._REPLACE, keys=("number",)))


def _observation_kept(patch: Patch) -> None:
    kept = tuple(name for name in replace_silent._ACTION_COLUMNS if name != "observation")
    patch.setattr(replace_silent, "_REPLACE", replace(replace_silent._REPLACE, columns=kept))


def _no_renewal(patch: Patch) -> None:
    patch.setattr(standing_cache.CachedStanding, "is_lease_due", lambda standing, _: not standing.has_reported)


def _silence_untold(patch: Patch) -> None:
    def as_it_is(row: Row, made: transaction.Changes) -> Row:
        return {**row, "lapsed": row["lease_until"] < made.now}

    for module in (modify_vim, register_vim, judge_and_write):
        patch.setattr(module, "record_silence", as_it_is)


def _silence_unread(patch: Patch) -> None:
    patch.setattr(vim_rows, "as_visible", lambda row: row)


def _lapse_forgotten(patch: Patch) -> None:
    patch.setattr(lapse_leases, "record_lapses", lambda *_: 0)


# --- the log


def _reasons_untold(patch: Patch) -> None:
    add = transaction.Changes.add

    def leaves_out(made: transaction.Changes, kind: EventKind, *after: Any, **more: Any) -> None:  # noqa: ANN401 - as they come
        if kind is not EventKind.REASON_CHANGED:
            add(made, kind, *after, **more)

    patch.setattr(transaction.Changes, "add", leaves_out)


def _revisions_from_a_sequence(patch: Patch) -> None:
    """Assign revisions like a sequence: a revision that was not committed is not assigned again."""
    begin, write, given = transaction.Changes.begin, transaction.Changes.write, [1]

    def begins(connection: Any) -> transaction.Changes:  # noqa: ANN401 - a connection
        made = begin(connection)
        made.newest = given[0] = made.newest if made.newest == 1 else max(made.newest, given[0])
        return made

    def writes(made: transaction.Changes) -> None:
        given[0] = made.newest
        write(made)

    patch.setattr(transaction.Changes, "begin", begins)
    patch.setattr(transaction.Changes, "write", writes)


def _repeats(patch: Patch) -> None:
    revision = log.c.revision
    again: Select[Any] = read_log._EVENTS.where(revision >= bindparam("revision"))
    patch.setattr(read_log, "_AFTER", again.order_by(revision).limit(bindparam("count")))


class TroubleIsBadAction(SqlStore):
    """Mistakes a database that does not answer for one without the VIM."""

    async def record_reports(self, reports: Sequence[Report], *, contact_within_s: float) -> list[Outcome]:
        try:
            return await super().record_reports(reports, contact_within_s=contact_within_s)
        except StoreUnavailable:
            return [BadAction() for _ in reports]


class AnsweredTooEarly(SqlStore):
    """Answers whether or not there was a commit."""

    async def record_reports(self, reports: Sequence[Report], *, contact_within_s: float) -> list[Outcome]:
        try:
            return await super().record_reports(reports, contact_within_s=contact_within_s)
        except StoreUnavailable:
            return [Recorded(report.status) for report in reports]


def _of(*guarantees: str) -> frozenset[str]:
    return frozenset(guarantees)


# If an answer was lost, the log is the first to show the wrong assumption: G8.
MUTATIONS = (
    Mutation("no_check_of_the_action_id", _of("G1", "G3", "G8"), _no_action_id),
    Mutation("no_check_of_the_observation", _of("G1", "G3", "G5", "G8"), _no_observation),
    Mutation("observations_compared_with_a_sign", _of("G1", "G3", "G5", "G8"), _signed_observation),
    Mutation("unknown_vims_are_believed_in", _of("G3"), _unknown_vims),
    Mutation("trouble_is_answered_bad_action", _of("G3"), kind=TroubleIsBadAction),
    Mutation("answered_without_a_commit", _of("G2"), kind=AnsweredTooEarly),
    Mutation("judged_by_a_stale_read", _of("G1", "G2", "G3", "G5", "G8"), kind=StaleRead),
    Mutation(
        "judged_by_a_stale_read_and_written_by_anyone", _of("G1", "G2", "G3", "G5", "G8"), _unfenced_write, StaleRead
    ),
    Mutation("changes_of_others_are_not_seen", _of("G1", "G3", "G5", "G8"), _changes_of_others_unseen),
    Mutation("repeats_are_not_confirmed", _of("G1", "G3", "G5", "G6", "G8"), _repeats_unconfirmed),
    Mutation("repeats_renew_no_lease", _of("G6", "G8"), _repeats_not_renewed),
    Mutation("a_new_target_keeps_its_action", _of("G11"), _same_action_for_a_new_target),
    Mutation("a_new_target_keeps_the_external_action", _of("G11"), _same_external_action_for_a_new_target),
    Mutation("an_external_vim_is_closed_for_good", _of("G8", "G11"), _closed_for_good),
    Mutation("a_sweep_takes_the_living", _of("G7"), _sweep_of_the_living),
    Mutation("a_sweep_takes_whose_silence_is_not_told", _of("G7"), _sweep_of_those_not_told),
    Mutation("a_sweep_takes_external_actions", _of("G7"), _sweep_of_external),
    Mutation("a_sweep_trusts_a_stale_read", _of("G7", "G8"), _unfenced_sweep, StaleSweep),
    Mutation("a_replacement_keeps_the_observation", _of("G5"), _observation_kept),
    Mutation("a_contact_grants_no_lease", _of("G2", "G5", "G6", "G7"), _no_renewal),
    Mutation("a_lapse_is_forgotten", _of("G6"), _lapse_forgotten),
    Mutation("readers_do_not_see_a_silence", _of("G6"), _silence_unread),
    Mutation("a_silence_is_not_told_before_its_end", _of("G8"), _silence_untold),
    Mutation("a_new_reason_is_not_told", _of("G8"), _reasons_untold),
    Mutation("revisions_come_from_a_sequence", _of("G8"), _revisions_from_a_sequence),
    Mutation("a_resumed_watch_repeats", _of("G8"), _repeats),
)
