"""Keeps the conditions of a client's copy of a VIM as the fleet would tell them, as far as changes say it."""

from __future__ import annotations

from vimesh.domain.conditions.conditions import REACHABLE
from vimesh.domain.probing import Depth, Reason
from vimesh.domain.vim_conditions.condition_rules import NOT_REACHABLE, REMOVED, applies, needs_reachability
from vimesh.v1.condition_pb2 import Condition
from vimesh.v1.vim_pb2 import Vim, VimEvent
from vimesh.wire.vim_messages import policy_from_message

_TARGET = frozenset({"type", "auth_url", "monitor"})
"""The fields whose change makes another VIM of it, of which nothing was seen."""
_OF_STATUS = {Vim.REACHABLE: Condition.TRUE, Vim.UNREACHABLE: Condition.FALSE}


def keep_conditions(known: Vim, vim: Vim, event: VimEvent) -> None:
    """Copy to a VIM that was modified what is still true of it."""
    if not known.conditions or _TARGET.intersection(event.changed_fields.paths):
        return
    policy = policy_from_message(vim.probe_policy)
    kept = [one for one in known.conditions if one.type != REACHABLE and applies(one.type, policy)]
    if kept:
        _set(
            vim, [_reachable(vim), *(kept if vim.status == Vim.REACHABLE else [_as_unknown(one, vim) for one in kept])]
        )
    if known.HasField("certificate") and policy.reaches(Depth.API):
        vim.certificate.CopyFrom(known.certificate)


def take_conditions(vim: Vim, event: VimEvent) -> None:
    """Put what a change of conditions says in the place of what was known."""
    conditions = {one.type: one for one in vim.conditions} | {one.type: one for one in event.conditions}
    kept = [one for one in conditions.values() if one.reason != REMOVED]
    if REACHABLE not in conditions:
        kept.append(_reachable(vim))
    _set(vim, kept)
    if event.HasField("certificate"):
        vim.certificate.CopyFrom(event.certificate)
    if vim.status != Vim.REACHABLE:
        _set(vim, [_as_unknown(one, vim) for one in vim.conditions])


def follow_status(vim: Vim) -> None:
    """Bring conditions up to date with a status that has changed.

    Of a VIM that can be reached again, the fleet tells what was seen last. No change says that, so it is left out.
    """
    if not vim.conditions:
        return
    is_reachable = vim.status == Vim.REACHABLE
    kept = [one for one in vim.conditions if not (is_reachable and needs_reachability(one.type))]
    kept = [one for one in kept if one.type != REACHABLE]
    _set(vim, [_reachable(vim), *(one if is_reachable else _as_unknown(one, vim) for one in kept)])


def _reachable(vim: Vim) -> Condition:
    status = _OF_STATUS.get(vim.status, Condition.UNKNOWN)
    return Condition(type=REACHABLE, status=status, reason=vim.reason, transition_time=vim.status_time)


def _as_unknown(condition: Condition, vim: Vim) -> Condition:
    if condition.type == REACHABLE or not needs_reachability(condition.type):
        return condition
    reason = Reason.SILENT if vim.reason == Reason.SILENT else NOT_REACHABLE
    return Condition(
        type=condition.type, status=Condition.UNKNOWN, reason=reason, transition_time=condition.transition_time
    )


def _set(vim: Vim, conditions: list[Condition]) -> None:
    ordered = sorted(conditions, key=lambda one: one.type)
    del vim.conditions[:]
    vim.conditions.extend(ordered)
