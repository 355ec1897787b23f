"""Decides what a change means for those who watch the VIMs that match a filter.

An event has the status and the reason after the change and the status before it, and only some events have the VIM. So
what is decided may take the VIM as it is now: if another of its fields has changed since, a later event says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from enum import Enum

from vimesh.domain.events import MAINTENANCE_KINDS, EventKind, VimEvent
from vimesh.domain.filters.condition_terms import is_of_conditions
from vimesh.domain.filters.filter_fields import LABEL_PREFIX, LABELS
from vimesh.domain.filters.filter_terms import ALWAYS, NEVER, FilterNode, Term, terms_in
from vimesh.domain.filters.match_filter import matches, text_matches
from vimesh.domain.filters.simplify_filter import simplify
from vimesh.domain.vims import Vim

_OF_STATUS = frozenset({"reason", "status_time"})
"""What an event does not say about the time before it."""
_CHANGED_FIELDS: Mapping[str, str] = {"engine": "monitor"}
"""What a field of filters is called among the fields that people changed, if it is not the same."""
_NEVER_CHANGED = frozenset({"id", "project_id", "create_time"})
_MAINTENANCE = "maintenance"


class EventMatch(Enum):
    MATCHES = "matches"
    """The VIM matches after the change, or was deregistered and may have matched."""
    FILTERED_OUT = "filtered out"
    """The VIM does not match after the change, and may have matched before."""
    IRRELEVANT = "irrelevant"


def match_event(root: FilterNode, event: VimEvent, vim: Vim | None = None) -> EventMatch | None:
    """Return what the event means; None if that takes more than the event says, and `vim` is not given.

    `vim` is the VIM as it is now.
    """
    if event.kind is EventKind.DEREGISTERED:
        unknown = _OF_STATUS | {"status", _MAINTENANCE} | _of_conditions(root)
        left = simplify(root, _knowing(event.vim or vim, {}, unknown))
        return EventMatch.IRRELEVANT if left == NEVER else EventMatch.MATCHES
    after = matches_after(root, event, vim)
    if after is None:
        return None
    if after:
        return EventMatch.MATCHES
    if event.kind is EventKind.REGISTERED:
        return EventMatch.IRRELEVANT
    values = {**_lasting_values(event), "status": event.previous_status}
    vim = _known_vim(root, event, vim)
    # How conditions read depends on the status, too, so those of now say nothing of the time before.
    unknown = _OF_STATUS | _changed_fields(root, event) | _of_conditions(root)
    before = simplify(root, _knowing(vim, values, unknown))
    if before == NEVER:
        return EventMatch.IRRELEVANT
    return EventMatch.FILTERED_OUT if before == ALWAYS or vim is not None else None


def matches_after(root: FilterNode, event: VimEvent, vim: Vim | None = None) -> bool | None:
    """Return whether the VIM matches after the event; None if that takes more than the event says."""
    vim = _known_vim(root, event, vim)
    if vim is not None:
        vim = replace(vim, maintenance=event.maintenance) if event.kind in MAINTENANCE_KINDS else vim
        is_newest = vim.revision == event.revision or vim.status is event.status
        status_time = vim.status_time if is_newest else event.time
        return matches(root, replace(vim, status=event.status, reason=event.reason, status_time=status_time))
    values = {**_lasting_values(event), "status": event.status, "reason": event.reason}
    if event.kind in MAINTENANCE_KINDS:
        values[_MAINTENANCE] = "true" if event.maintenance else "false"
    left = simplify(root, _knowing(None, values, ()))
    return True if left == ALWAYS else False if left == NEVER else None


def _known_vim(root: FilterNode, event: VimEvent, vim: Vim | None) -> Vim | None:
    """Return the VIM of an event, or the one as it is now. Maintenance and conditions, only the latter says."""
    if event.vim is None or not any(
        term.field == _MAINTENANCE or is_of_conditions(term.field) for term in terms_in(root)
    ):
        return event.vim or vim
    if vim is None:
        return None
    return replace(event.vim, maintenance=vim.maintenance, conditions=vim.conditions, certificate=vim.certificate)


def _of_conditions(root: FilterNode) -> frozenset[str]:
    return frozenset(term.field for term in terms_in(root) if is_of_conditions(term.field))


def _lasting_values(event: VimEvent) -> dict[str, str]:
    """Return what the event says of the VIM that was the same before it."""
    values = {"id": event.vim_id}
    if event.project_id:  # empty in events of earlier versions
        values["project_id"] = event.project_id
    if event.kind is not EventKind.MODIFIED:
        values["engine"] = event.engine
    return values


def _knowing(vim: Vim | None, values: Mapping[str, str], unknown: Collection[str]) -> Callable[[Term], bool | None]:
    """Return what decides terms by these values, and others by the VIM, but for the unknown fields."""

    def decide(term: Term) -> bool | None:
        if term.field in values:
            return text_matches(term, values[term.field])
        return None if vim is None or term.field in unknown else matches(term, vim)

    return decide


def _changed_fields(root: FilterNode, event: VimEvent) -> frozenset[str]:
    """Return the fields of the filter that may have been other ones before the event."""
    if event.kind in MAINTENANCE_KINDS:
        return frozenset({_MAINTENANCE})
    if event.kind is not EventKind.MODIFIED:
        return frozenset()
    return frozenset(term.field for term in terms_in(root) if _may_have_changed(term.field, event))


def _may_have_changed(field: str, event: VimEvent) -> bool:
    if field in _NEVER_CHANGED:
        return False
    name = LABELS if field.startswith(LABEL_PREFIX) else _CHANGED_FIELDS.get(field, field)
    # Each change by people has another time. Earlier versions do not say what was changed.
    return field == "update_time" or not event.changed_fields or name in event.changed_fields
