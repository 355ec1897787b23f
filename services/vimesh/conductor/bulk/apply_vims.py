"""Implements ApplyVims: many VIMs are made what they should be, each judged separately."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from vimesh.conductor.bulk.read_batch import BatchReader
from vimesh.conductor.engines import Engines
from vimesh.domain.access.audit_entry import SUCCESS
from vimesh.domain.access.caller import Caller
from vimesh.domain.bulk.apply_plan import AppliedVim, ApplyRules, DesiredVim, FieldChange
from vimesh.domain.errors import BadInput, VimeshError, Violation
from vimesh.domain.vim_store import VimStore
from vimesh.rpc.call_entrance import note_change
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire import answer_messages, request_messages
from vimesh.wire.error_statuses import STATUS
from vimesh.wire.message_rules import Rules
from vimesh.wire.vim_messages import DEFAULT_PROJECT

_MAX_CHANGES_BYTES: Final = 1024 * 1024
_FIXED_BYTES: Final = 12
"""Of a message with three texts, besides them."""


class BulkApplier:
    def __init__(self, store: VimStore, rules: Rules, engines: Engines) -> None:
        self._store = store
        self._rules = rules
        self._engines = engines

    async def apply(self, request: pb.ApplyVimsRequest, caller: Caller) -> pb.ApplyVimsResponse:
        """Return the result of each VIM, in order. Raises StoreUnavailable, Overloaded."""
        seen: set[tuple[str, str]] = set()

        def read(entry: pb.VimToApply) -> DesiredVim:
            desired = self._read(entry, caller)
            key = desired.project_id, desired.name
            if key in seen:
                raise BadInput(Violation("vim.name", "is that of another VIM of this call, in the same project"))
            seen.add(key)
            return desired

        checked = await BatchReader(self._rules, read).read(request.vims)
        rules = ApplyRules(
            request.apply_set, adopt=request.adopt, force=request.force, default_engine=self._engines.default
        )
        valid = [one for one in checked if isinstance(one, DesiredVim)]
        applied = await self._store.bulk.apply_many(valid, rules, caller, validate_only=request.validate_only)
        stored = iter(applied)
        outcomes = [next(stored) if isinstance(one, DesiredVim) else one for one in checked]
        if not request.validate_only:
            for one, outcome in zip(checked, outcomes, strict=True):
                _note(one, outcome)
        return pb.ApplyVimsResponse(results=_results(outcomes))

    def _read(self, entry: pb.VimToApply, caller: Caller) -> DesiredVim:
        """Raises BadInput, EngineNotServed, PermissionDenied."""
        project_id = entry.vim.project_id or caller.only_project or DEFAULT_PROJECT
        caller.require_project(project_id)
        desired = request_messages.desired_vim(entry, project_id)
        if desired.modification.engine:
            self._engines.require(desired.modification.engine)
        return desired


def _note(desired: DesiredVim | VimeshError, outcome: AppliedVim | VimeshError) -> None:
    """Note a change for the audit. What already was as it should be is none."""
    project_id = desired.project_id if isinstance(desired, DesiredVim) else ""
    if isinstance(outcome, VimeshError):
        note_change(project_id=project_id, outcome=STATUS[type(outcome)][1])
    elif outcome.kind is not None:
        note_change(vim_id=outcome.vim_id, project_id=project_id, outcome=SUCCESS)


def _results(outcomes: Sequence[AppliedVim | VimeshError]) -> list[pb.ApplyVimResult]:
    left = _MAX_CHANGES_BYTES
    results: list[pb.ApplyVimResult] = []
    for outcome in outcomes:
        shown: list[FieldChange] = []
        for change in () if isinstance(outcome, VimeshError) else outcome.changes:
            left -= _FIXED_BYTES + sum(len(text.encode()) for text in (change.field, change.before, change.after))
            if left < 0:
                break
            shown.append(change)
        results.append(answer_messages.apply_result(outcome, shown))
    return results
