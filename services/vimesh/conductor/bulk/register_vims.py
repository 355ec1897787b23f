"""Implements RegisterVims: many registrations in one call, each judged separately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vimesh.conductor.bulk.read_batch import BatchReader
from vimesh.conductor.engines import Engines
from vimesh.domain.access.audit_entry import SUCCESS, ChangeSubject
from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import BadInput, PermissionDenied, VimeshError, Violation
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Registration
from vimesh.rpc.call_entrance import note_change
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire import answer_messages, request_messages
from vimesh.wire.error_statuses import STATUS
from vimesh.wire.message_rules import Rules


class BulkRegistrar:
    def __init__(self, store: VimStore, rules: Rules, engines: Engines) -> None:
        self._store = store
        self._rules = rules
        self._engines = engines

    async def register(self, requests: Sequence[pb.RegisterVimRequest], caller: Caller) -> list[pb.RegisterVimResult]:
        """Return the result of each registration, in order. Raises StoreUnavailable, Overloaded."""

        def read(request: pb.RegisterVimRequest) -> Registration:
            if request.validate_only:
                raise BadInput(Violation("validate_only", "must not be set in a batch: call RegisterVim"))
            return read_registration(request, self._engines, caller)

        checked = await BatchReader(self._rules, read).read(requests)
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
