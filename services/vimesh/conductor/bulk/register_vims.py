"""Implements RegisterVims: many registrations in one call, each judged separately."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

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
from vimesh.wire.limits import MAX_BATCH_BYTES, MAX_BATCH_VALUES, MAX_FREE_FORM_VALUES
from vimesh.wire.message_rules import Rules
from vimesh.wire.value_count import count_values
from vimesh.wire.vim_messages import free_form_fields

_T = TypeVar("_T")

_FULLY_CHECKED: Final = 20
"""The first entries that break rules hear of all broken fields, at 30 us per name; later ones of the first only."""


class BulkRegistrar:
    def __init__(self, store: VimStore, rules: Rules, engines: Engines) -> None:
        self._store = store
        self._rules = rules
        self._engines = engines

    async def register(self, requests: Sequence[pb.RegisterVimRequest], caller: Caller) -> list[pb.RegisterVimResult]:
        """Return the result of each registration, in order. Raises StoreUnavailable, Overloaded."""
        checked = await _Reader(self._rules, self._engines, caller).read(requests)
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
    """Reads the registrations of one call, and counts their bytes and values against the limits of a batch."""

    def __init__(self, rules: Rules, engines: Engines, caller: Caller) -> None:
        self._rules = rules
        self._engines = engines
        self._caller = caller
        self._explained = 0
        self._bytes = _Allowance(MAX_BATCH_BYTES, "bytes")
        self._values = _Allowance(MAX_BATCH_VALUES, "values")

    async def read(self, requests: Sequence[pb.RegisterVimRequest]) -> list[Registration | VimeshError]:
        """Return each registration, or why it is refused.

        All take one step before the first takes the next: what a step needs stays in the caches of the core, without
        which checking and reading one after the other takes half as long again.
        """
        counted = await self._step(self._count, requests)
        return await self._step(self._read, await self._step(self._check, counted))

    async def _step(
        self, step: Callable[[pb.RegisterVimRequest], _T], requests: Sequence[pb.RegisterVimRequest | VimeshError]
    ) -> list[_T | VimeshError]:
        def take(request: pb.RegisterVimRequest | VimeshError) -> _T | VimeshError:
            if isinstance(request, VimeshError):
                return request
            try:
                return step(request)
            except VimeshError as error:
                return error.with_traceback(None)

        return await in_slices(take, requests)

    def _check(self, request: pb.RegisterVimRequest) -> pb.RegisterVimRequest:
        try:
            self._rules.check(request, first_only=self._explained >= _FULLY_CHECKED)
        except BadInput:
            self._explained += 1
            raise
        if request.validate_only:
            raise BadInput(Violation("validate_only", "must not be set in a batch: call RegisterVim"))
        return request

    def _read(self, request: pb.RegisterVimRequest) -> Registration:
        return read_registration(request, self._engines, self._caller)

    def _count(self, request: pb.RegisterVimRequest) -> pb.RegisterVimRequest:
        """Raise BadInput once the batch exceeds a limit. A field above its own bound is left to the rules."""
        # Any VIM may come alone, however large it is.
        self._bytes.take(min(request.ByteSize(), MAX_BATCH_BYTES), MAX_BATCH_BYTES)
        # More labels than a VIM may have are refused before they are looked at.
        self._values.take(min(len(request.vim.labels), MAX_LABELS), MAX_LABELS)
        for struct in free_form_fields(request.vim).values():
            count = count_values(struct, min(self._values.left, MAX_FREE_FORM_VALUES))
            self._values.take(count, MAX_FREE_FORM_VALUES)
        return request


class _Allowance:
    """What is left to the rest of a batch."""

    def __init__(self, limit: int, unit: str) -> None:
        self._limit = limit
        self._unit = unit
        self.left = limit

    def take(self, count: int, own_bound: int) -> None:
        """Take so many, of which `own_bound` may come at once. Raises BadInput if fewer are left."""
        max_count = min(self.left, own_bound)
        self.left -= min(count, max_count)
        if max_count < count and max_count < own_bound:
            text = f"with others before it, holds more than {self._limit} {self._unit}: send it in another call"
            raise BadInput(Violation("vim", text))
