"""Implements ModifyVims and DeregisterVims: one change of many VIMs, each judged separately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from vimesh.conductor.engines import Engines
from vimesh.domain.access.audit_entry import SUCCESS, ChangeSubject
from vimesh.domain.access.caller import Caller
from vimesh.domain.bulk.bulk_store import MAX_CHANGES, DeregisteredVim, Removal
from vimesh.domain.errors import BadInput, VimeshError, Violation
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.queries import VimQuery
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Modification, Vim
from vimesh.rpc.call_entrance import note_change
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire import request_messages
from vimesh.wire.error_statuses import STATUS, rich_status

_UNIQUE: Final = ("is_default", "name")
"""Fields that no two VIMs of a project can share."""
_OF_ONE: Final = ("id", "project_id", "etag")


@dataclass(frozen=True, slots=True)
class _ChosenVim:
    vim_id: str
    name: str = ""
    etag: str = ""
    """If given, the VIM matched with it."""


class BulkChanger:
    def __init__(self, store: VimStore, engines: Engines) -> None:
        self._store = store
        self._engines = engines

    async def modify(self, request: pb.ModifyVimsRequest, caller: Caller) -> pb.ModifyVimsResponse:
        """Return the results. Raises BadInput, EngineNotServed, StoreUnavailable, Overloaded."""
        modification = self._modification(request)
        chosen, token = await self._choose(request, caller)
        subjects = _note(chosen, validate_only=request.validate_only)
        changes = [(one.vim_id, replace(modification, etag=one.etag)) for one in chosen]
        outcomes = await self._store.bulk.modify_many(changes, caller, validate_only=request.validate_only)
        return pb.ModifyVimsResponse(results=_results(chosen, subjects, outcomes), next_page_token=token)

    async def deregister(self, request: pb.DeregisterVimsRequest, caller: Caller) -> pb.DeregisterVimsResponse:
        """Return the results. Raises BadInput, StoreUnavailable, Overloaded."""
        chosen, token = await self._choose(request, caller)
        subjects = _note(chosen, validate_only=request.validate_only)
        removals = [Removal(one.vim_id, one.etag) for one in chosen]
        outcomes = await self._store.bulk.deregister_many(removals, caller, validate_only=request.validate_only)
        return pb.DeregisterVimsResponse(results=_results(chosen, subjects, outcomes), next_page_token=token)

    def _modification(self, request: pb.ModifyVimsRequest) -> Modification:
        alike = pb.ModifyVimRequest(vim=request.vim, update_mask=request.update_mask, engine=request.engine)
        paths = request_messages.modified_paths(alike)
        wrong = [Violation(f"vim.{name}", "must be empty") for name in _OF_ONE if getattr(request.vim, name)]
        wrong += [Violation(f"vim.{name}", "must differ between VIMs") for name in _UNIQUE if name in paths]
        if not (wrong or paths or request.engine):
            wrong.append(Violation("vim", "names nothing to change"))
        if wrong:
            raise BadInput(*wrong)
        modification = request_messages.modification(alike, paths)
        if modification.engine:
            self._engines.require(modification.engine)
        return modification

    async def _choose(
        self, request: pb.ModifyVimsRequest | pb.DeregisterVimsRequest, caller: Caller
    ) -> tuple[Sequence[_ChosenVim], str]:
        """Return the VIMs of one call, and the token of those after them. Raises BadInput."""
        if request.vim_ids:
            return [_ChosenVim(request_messages.id_of(vim_id)) for vim_id in request.vim_ids], ""
        chosen = parse_filter(request.filter, flapping=True)
        if not chosen:
            # Blanks match every VIM where one is only shown: here they are rather a mistake.
            raise BadInput(Violation("filter", 'compares nothing; every VIM matches name = "*"'))
        query = VimQuery(chosen, page_size=MAX_CHANGES, page_token=request.page_token, projects=caller.projects)
        page = await self._store.list_vims(query)
        # Between the list and the change, others may change what the filter looked at: the etag tells.
        return [_ChosenVim(vim.id, vim.name, vim.etag) for vim in page.vims], page.next_page_token


def _note(chosen: Sequence[_ChosenVim], *, validate_only: bool) -> list[ChangeSubject]:
    """Note each change for the audit, unless nothing is to be changed."""
    return [ChangeSubject() if validate_only else note_change(vim_id=one.vim_id) for one in chosen]


def _results(
    chosen: Sequence[_ChosenVim],
    subjects: Sequence[ChangeSubject],
    outcomes: Sequence[Vim | DeregisteredVim | VimeshError],
) -> list[pb.ChangeVimResult]:
    results: list[pb.ChangeVimResult] = []
    for one, subject, outcome in zip(chosen, subjects, outcomes, strict=True):
        result = pb.ChangeVimResult(vim_id=one.vim_id, name=one.name)
        if isinstance(outcome, VimeshError):
            subject.outcome = STATUS[type(outcome)][1]
            result.refused.CopyFrom(rich_status(outcome)[1])
        else:
            subject.project_id, subject.outcome = outcome.project_id, SUCCESS
            result.name = outcome.name
        results.append(result)
    return results
