"""Implements RegisterVims: many registrations in one call, each judged separately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from vimesh.conductor.engines import Engines
from vimesh.domain.access.audit_entry import SUCCESS, ChangeSubject
from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import BadInput, PermissionDenied, VimeshError, Violation
from vimesh.domain.labels.label_syntax import MAX_LABELS
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Registration
from vimesh.rpc.call_entrance import note_change
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire import answer_messages, request_messages
from vimesh.wire.error_statuses import STATUS
from vimesh.wire.limits import MAX_BATCH_VALUES, MAX_FREE_FORM_VALUES
from vimesh.wire.message_rules import Rules
from vimesh.wire.value_count import count_values
from vimesh.wire.vim_messages import free_form_fields

_FULLY_CHECKED: Final = 20
"""The first refusals of a call name all broken fields, at 30 us per name; later ones name only the first field."""


class BulkRegistrar:
    def __init__(self, store: VimStore, rules: Rules, engines: Engines) -> None:
        self._store = store
        self._rules = rules
        self._engines = engines

    async def register(self, requests: Sequence[pb.RegisterVimRequest], caller: Caller) -> list[pb.RegisterVimResult]:
        """Return the result of each registration, in order. Raises StoreUnavailable, Overloaded."""
        checked = await in_slices(_Reader(self._rules, self._engines, caller).read, requests)
        subjects = [_note(request, one) for request, one in zip(requests, checked, strict=True)]
        valid = [one for one in checked if isinstance(one, Registration)]
        stored = iter(await self._store.register_many(valid, caller) if valid else ())
        outcomes = [next(stored) if isinstance(one, Registration) else one for one in checked]
        for subject, outcome in zip(subjects, outcomes, strict=True):
            if isinstance(outcome, VimeshError):
                subject.outcome = STATUS[type(outcome)][1]
            else:
                subject.vim_id, subject.outcome = outcome.vim_id, SUCCESS
        return [answer_messages.result_message(outcome) for outcome in outcomes]


def read_registration(request: pb.RegisterVimRequest, engines: Engines, caller: Caller) -> Registration:
    """Read a registration that keeps the rules. Raises BadInput, EngineNotServed, PermissionDenied."""
    registration = request_messages.registration(request, engines.default)
    if not request.vim.project_id and caller.only_project:
        registration = replace(registration, project_id=caller.only_project)
    caller.require_project(registration.project_id)
    if registration.vim_id and caller.projects is not None:
        raise PermissionDenied("vim_id may be set only by callers of all projects")
    engines.require(registration.engine)
    return registration


def _note(request: pb.RegisterVimRequest, checked: Registration | VimeshError) -> ChangeSubject:
    project_id = checked.project_id if isinstance(checked, Registration) else request.vim.project_id
    return note_change(request_id=request_messages.id_of(request.request_id), project_id=project_id)


class _Reader:
    """Reads the registrations of one call, and counts their free-form values against the limit of a batch."""

    def __init__(self, rules: Rules, engines: Engines, caller: Caller) -> None:
        self._rules = rules
        self._engines = engines
        self._caller = caller
        self._refused = 0
        self._values_left = MAX_BATCH_VALUES

    def read(self, request: pb.RegisterVimRequest) -> Registration | VimeshError:
        try:
            self._count(request)
            self._rules.check(request, first_only=self._refused >= _FULLY_CHECKED)
            if request.validate_only:
                raise BadInput(Violation("validate_only", "must not be set in a batch: call RegisterVim"))
            registration = read_registration(request, self._engines, self._caller)
        except VimeshError as error:
            self._refused += 1
            return error.with_traceback(None)
        return registration

    def _count(self, request: pb.RegisterVimRequest) -> None:
        """Raise BadInput once the batch exceeds MAX_BATCH_VALUES. A field above its own bound is left to the rules."""
        # More labels than a VIM may have are refused before they are looked at.
        self._take(min(len(request.vim.labels), MAX_LABELS), MAX_LABELS)
        for struct in free_form_fields(request.vim).values():
            self._take(count_values(struct, min(self._values_left, MAX_FREE_FORM_VALUES)), MAX_FREE_FORM_VALUES)

    def _take(self, count: int, own_bound: int) -> None:
        max_count = min(self._values_left, own_bound)
        self._values_left -= min(count, max_count)
        if max_count < count and max_count < own_bound:
            text = f"with others before it, holds more than {MAX_BATCH_VALUES} values: send it in another call"
            raise BadInput(Violation("vim", text))
