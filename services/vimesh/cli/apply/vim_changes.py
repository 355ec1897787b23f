"""Makes VIMs what they should be: the fleet says what differs, and then changes that, unless others were faster."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import SystemRandom
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask

from vimesh.cli.apply.applied_lines import AppliedThing, ApplyOutcome, ChangedField
from vimesh.cli.apply.vims_to_apply import VimFromFile, VimName, batches_of
from vimesh.cli.client.explain_failures import failure_line
from vimesh.client.calls.front_stubs import Front
from vimesh.client.calls.repeat_calls import Retrying
from vimesh.domain.filters.filter_terms import quoted
from vimesh.v1 import access_service_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.error_statuses import status_error
from vimesh.wire.vim_messages import DEFAULT_PROJECT

_GIVE_UP_S: Final = 60.0
_IN_FLIGHT: Final = 2
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class ApplyChoice:
    """How VIMs are applied."""

    apply_set: str
    adopt: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True)
class VimResult:
    """What became of a VIM, or would."""

    vim: VimFromFile
    result: pb.ApplyVimResult

    @property
    def is_change(self) -> bool:
        return not self.is_refused and self.result.outcome != pb.ApplyVimResult.UNCHANGED

    @property
    def is_refused(self) -> bool:
        return self.result.HasField("refused")

    @property
    def is_of_other_id(self) -> bool:
        """Whether the file means another VIM than the one that has the name."""
        return not self.is_refused and self.vim.vim_id not in {"", self.result.vim_id}

    def refusal(self, address: str) -> str:
        return f"{self.vim.place}: {self._why(address)}"

    def _why(self, address: str) -> str:
        if self.is_refused:
            return failure_line(status_error(self.result.refused), address)
        if self.result.vim_id:
            return f"id: the VIM with this name has the id {self.result.vim_id}; a VIM is its project and name"
        return "id: no VIM has this name, and apply gives new ones an id of their own; leave it out, or use vim import"

    @property
    def shown(self) -> AppliedThing:
        changes = [ChangedField(one.field, one.before, one.after) for one in self.result.changes]
        project_id, name = self.vim.key
        return AppliedThing(
            "VIM",
            ApplyOutcome(pb.ApplyVimResult.Outcome.Name(self.result.outcome)),
            project_id,
            name,
            self.result.vim_id,
            fields=[one.field for one in changes],
            changes=changes,
        )

    def to_do(self) -> VimFromFile:
        """Return what makes the change that was planned, and no other one."""
        entry = pb.VimToApply()
        entry.CopyFrom(self.vim.entry)
        entry.etag = self.result.etag
        entry.is_new = self.result.outcome == pb.ApplyVimResult.REGISTERED
        return VimFromFile(self.vim.position, entry)


class VimChanges:
    """All calls raise AioRpcError if the fleet does not answer."""

    def __init__(self, front: Front, choice: ApplyChoice) -> None:
        self._front = front
        self._choice = choice
        self._retrying = Retrying(SystemRandom(), give_up_s=_GIVE_UP_S)

    async def plan(self, vims: Iterable[VimFromFile], note: Callable[[int], None]) -> list[VimResult]:
        """Let the fleet say what each VIM comes to, in order. `note` is called with the number of VIMs so far."""
        results: list[VimResult] = []
        async for batch in self._apply(vims, validate_only=True):
            results.extend(batch)
            note(len(results))
        return results

    async def carry_out(self, planned: Iterable[VimResult], note: Callable[[VimResult], None]) -> None:
        """Make the changes that were planned. `note` is called with the result of each."""
        async for batch in self._apply((one.to_do() for one in planned if one.is_change), validate_only=False):
            for one in batch:
                note(one)

    async def surplus(self, wanted: Collection[VimName], filter_: str) -> list[VimFromFile]:
        """Return the VIMs that belong to the set and match a filter, but are not wanted: they should be absent."""
        terms = f"apply_set = {quoted(self._choice.apply_set)}" + (f" AND ({filter_})" if filter_ else "")
        request = pb.ListVimsRequest(
            filter=terms, page_size=_PAGE, read_mask=FieldMask(paths=["id", "name", "project_id", "etag"])
        )
        surplus: list[VimFromFile] = []
        while True:
            page = await self._retrying.repeated(
                lambda: self._front.vims.ListVims(request, timeout=self._front.timeout_s)
            )
            surplus.extend(
                VimFromFile(
                    "", pb.VimToApply(vim=Vim(name=vim.name, project_id=vim.project_id), etag=vim.etag, absent=True)
                )
                for vim in page.vims
                if (vim.project_id, vim.name) not in wanted
            )
            if not page.next_page_token:
                return surplus
            request.page_token = page.next_page_token

    async def _apply(self, vims: Iterable[VimFromFile], *, validate_only: bool) -> AsyncIterator[Sequence[VimResult]]:
        """Yield the results of call after call, with the next call under way already."""
        under_way: list[asyncio.Task[Sequence[VimResult]]] = []
        try:
            batches = batches_of(vims)
            # The next VIMs are read in a thread, while the fleet compares those before them.
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                under_way.append(asyncio.create_task(self._apply_batch(batch, validate_only=validate_only)))
                if len(under_way) == _IN_FLIGHT:
                    yield await under_way.pop(0)
            while under_way:
                yield await under_way.pop(0)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _apply_batch(self, batch: Sequence[VimFromFile], *, validate_only: bool) -> Sequence[VimResult]:
        request = pb.ApplyVimsRequest(
            apply_set=self._choice.apply_set,
            vims=[vim.entry for vim in batch],
            adopt=self._choice.adopt,
            force=self._choice.force,
            validate_only=validate_only,
        )
        # Applied again, what an attempt without an answer has done is unchanged.
        answer = await self._retrying.repeated(
            lambda: self._front.vims.ApplyVims(request, timeout=self._front.timeout_s)
        )
        return [VimResult(vim, result) for vim, result in zip(batch, answer.results, strict=True)]


async def usual_project(front: Front) -> str:
    """Return the project of VIMs for which nobody names one."""
    who = await front.access.WhoAmI(access_service_pb2.WhoAmIRequest(), timeout=front.timeout_s)
    return who.projects[0] if not who.all_projects and len(who.projects) == 1 else DEFAULT_PROJECT


def counts(results: Iterable[VimResult]) -> Mapping[str, int]:
    """Return how many VIMs had which result, in words."""
    outcomes = Counter(one.result.outcome for one in results)
    return {
        "registered": outcomes[pb.ApplyVimResult.REGISTERED],
        "modified": outcomes[pb.ApplyVimResult.MODIFIED],
        "deregistered": outcomes[pb.ApplyVimResult.DEREGISTERED],
        "unchanged": outcomes[pb.ApplyVimResult.UNCHANGED],
        "refused": outcomes[pb.ApplyVimResult.OUTCOME_UNSPECIFIED],
    }
