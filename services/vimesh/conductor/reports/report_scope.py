"""Tells which reports a caller may make: those of its engines, on VIMs of its projects (G14).

Before reports are judged, not with them: an action never changes its engine, nor a VIM its project. So nothing can
change between this check and the write, but that the action is not wanted any more, which is judged there (G1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from vimesh.domain.access.caller import Caller
from vimesh.domain.actions import CurrentAction
from vimesh.domain.errors import PermissionDenied, VimeshError
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Engine, Repeat, Report, Standing

_OTHER_ENGINE: Final = "the caller may not report for the engine of this action"
_BAD_ACTION: Final = BadAction()

Refusal = VimeshError | BadAction


def covers_repeats(caller: Caller, repeats: Sequence[Repeat]) -> bool:
    """Return whether the caller may surely make all of these reports."""
    if caller.reports_for_all:
        return True
    engines, projects = caller.engines, caller.projects
    if projects is None:
        return all(standing.engine in engines for _, standing, _ in repeats)
    return all(standing.engine in engines and standing.project_id in projects for _, standing, _ in repeats)


def covers(caller: Caller, report: Report, cached: Mapping[str, Standing]) -> bool:
    """Return whether the caller may surely make a report. Nearly all reports end here, in two microseconds."""
    standing = cached.get(report.vim_id)
    return (
        standing is not None
        and standing.action_id == report.action_id
        and standing.engine in caller.engines
        # The id of a VIM, which an EXTERNAL action may have, can have moved to another project since.
        and (caller.projects is None or (report.action_id != report.vim_id and caller.sees(standing.project_id)))
    )


async def refuse_out_of_scope(
    store: VimStore, caller: Caller, reports: Sequence[Report | Refusal]
) -> list[Report | Refusal]:
    """Return the reports, or their refusals. What was refused already stays.

    An action that is not wanted is left to be judged. One that is wanted in another engine is refused with an error and
    not with `bad_action`, which would end it: the fault is in the identity that its process was given. A VIM in another
    project is answered like one that does not exist.
    """
    cached = store.cached_standings
    checked = list(reports)
    undecided = [
        (position, one)
        for position, one in enumerate(reports)
        if isinstance(one, Report) and not covers(caller, one, cached)
    ]
    if undecided:
        wanted = await store.wanted_actions(list({one.vim_id: None for _, one in undecided}))
        for position, one in undecided:
            checked[position] = refusal_of(caller, one.vim_id, one.action_id, wanted) or one
    return checked


def refusal_of(caller: Caller, vim_id: str, action_id: str, wanted: Mapping[str, CurrentAction]) -> Refusal | None:
    """Return why a caller may not report for an action, given which are wanted; None if it may."""
    if action_id == vim_id and Engine.EXTERNAL not in caller.engines:
        # Only EXTERNAL actions have this id, and one may become wanted before the report is judged.
        return PermissionDenied(_OTHER_ENGINE)
    action = wanted.get(vim_id)
    if action is not None and not caller.sees(action.project_id):
        return _BAD_ACTION
    if action is not None and action.wants(action_id) and action.engine not in caller.engines:
        return PermissionDenied(_OTHER_ENGINE)
    return None
