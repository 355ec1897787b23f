"""Tells which reports a caller may make: those of its engines, on VIMs of its projects (G14).

Before reports are judged, not with them: an action never changes its engine, nor a VIM its project. So nothing can
change between this check and the write, but that the action is not wanted any more, which is judged there (G1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from vimesh.domain.access.caller import Caller
from vimesh.domain.actions import WantedAction
from vimesh.domain.errors import PermissionDenied, VimeshError
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import BadAction, Engine, Repeat, Report

_OTHER_ENGINE: Final = "the caller may not report for the engine of this action"
_BAD_ACTION: Final = BadAction()

Refusal = VimeshError | BadAction


def covers_repeats(caller: Caller, repeats: Sequence[Repeat]) -> bool:
    """Return whether the caller may surely make all of these reports."""
    if caller.reports_for_all:
        return True
    # Standings do not say their project.
    return caller.projects is None and all(standing.engine in caller.engines for _, standing, _ in repeats)


async def refuse_out_of_scope(
    store: VimStore, caller: Caller, reports: Sequence[Report | Refusal]
) -> list[Report | Refusal]:
    """Return the reports, each with its reporter, or its refusal. What was refused already stays.

    An action that is not wanted is left to be judged. One that is wanted in another engine is refused with an error and
    not with `bad_action`, which would end it: the fault is in the identity that its process was given. A VIM in another
    project is answered like one that does not exist.
    """
    wanted = await _read_wanted(store, caller, [one for one in reports if isinstance(one, Report)])
    return [_judge(caller, one, wanted) if isinstance(one, Report) else one for one in reports]


async def _read_wanted(store: VimStore, caller: Caller, reports: Sequence[Report]) -> Mapping[str, WantedAction]:
    cached, wanted = store.cached_standings, dict[str, WantedAction]()
    uncached: dict[str, None] = {}
    for report in reports:
        standing = cached.get(report.vim_id)
        if caller.projects is None and standing is not None and standing.action_id == report.action_id:
            wanted[report.vim_id] = WantedAction(standing.action_id, Engine(standing.engine), "")
        else:
            uncached[report.vim_id] = None
    return {**wanted, **await store.wanted_actions(list(uncached))} if uncached else wanted


def _judge(caller: Caller, report: Report, wanted: Mapping[str, WantedAction]) -> Report | Refusal:
    if report.action_id == report.vim_id and Engine.EXTERNAL not in caller.engines:
        # Only EXTERNAL actions have this id, and one may become wanted before the report is judged.
        return PermissionDenied(_OTHER_ENGINE)
    action = wanted.get(report.vim_id)
    if action is not None and not caller.sees(action.project_id):
        return _BAD_ACTION
    if action is not None and action.action_id == report.action_id and action.engine not in caller.engines:
        return PermissionDenied(_OTHER_ENGINE)
    return report._replace(reporter=caller.identity)
