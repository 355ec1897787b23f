"""Registers a batch of VIMs and counts the result of each."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from google.rpc.status_pb2 import Status

from vimesh.cli.client.compare_vims import differences
from vimesh.cli.client.explain_failures import failure_line
from vimesh.cli.vim_import.existing_vims import ExistingVims
from vimesh.cli.vim_import.file_source.check_file import Waiting
from vimesh.cli.vim_import.import_tally import ImportTally, Result
from vimesh.cli.vim_import.vim_keys import VIM_KEYS, VimKey
from vimesh.domain.vims import Engine, Registration
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2 import RegisterVimRequest, RegisterVimResult
from vimesh.wire import request_messages
from vimesh.wire.error_statuses import failure_of, status_error

_REUSED = "REQUEST_ID_REUSED"
_LOOKS = 8
"""Maximum number of refused VIMs that are compared with the fleet at the same time."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A VIM that the fleet refused."""

    waiting: Waiting
    name: str
    project_id: str
    why: str


FileTally = ImportTally[Refusal]


class BatchRegistrar:
    def __init__(self, fleet: ExistingVims, address: str, tally: FileTally) -> None:
        self._fleet = fleet
        self._address = address
        self._tally = tally
        self._places = asyncio.Semaphore(_LOOKS)

    async def register(self, batch: Sequence[Waiting]) -> None:
        """Register a batch and count the results. Raises AioRpcError if the fleet does not answer."""
        requests = [RegisterVimRequest.FromString(waiting.request) for waiting in batch]
        results = list(await self._fleet.register_many(requests))
        reused = [place for place, result in enumerate(results) if _reason(result) == _REUSED]
        if reused:
            # The VIM that this entry registered earlier is gone, or had other credentials: register it as a new one.
            for place in reused:
                requests[place].request_id = str(uuid.uuid4())
            again = await self._fleet.register_many([requests[place] for place in reused])
            for place, result in zip(reused, again, strict=True):
                results[place] = result
        async with asyncio.TaskGroup() as tasks:
            for place, (waiting, request, result) in enumerate(zip(batch, requests, results, strict=True)):
                if result.HasField("registered"):
                    self._tally.counts[Result.PRESENT if result.registered.repeated else Result.IMPORTED] += 1
                else:
                    tasks.create_task(self._refused(waiting, request, result.refused, had_another=place in reused))
        self._tally.on_change()

    async def _refused(
        self, waiting: Waiting, request: RegisterVimRequest, status: Status, *, had_another: bool
    ) -> None:
        error = status_error(status)
        wanted = request_messages.registration(request, Engine.EMBEDDED)
        key = VIM_KEYS.get(failure_of(error).reason)
        holder = None
        if key in (VimKey.ID, VimKey.NAME):
            # It may be the same VIM, registered by somebody else.
            async with self._places:
                holder = await self._fleet.holder(key, wanted)
        why = failure_line(error, self._address)
        if holder is not None:
            differing = _differences(request, wanted, holder)
            if not differing and not had_another:
                self._tally.counts[Result.PRESENT] += 1
                return
            # The fleet masks secrets. All that is known is that the request id was used with different ones.
            why = f"{why}: {holder.id}, which differs in {', '.join(differing) or 'auth_cred'}"
        self._tally.counts[Result.FAILED] += 1
        self._tally.outcomes.append(Refusal(waiting, wanted.name, wanted.project_id, why))


def _differences(request: RegisterVimRequest, wanted: Registration, found: Vim) -> list[str]:
    differing = differences(wanted, found)
    if request_messages.policy(found.probe_policy) != wanted.policy:
        differing.append("probe_policy")
    if request.engine and request.engine != found.monitor.engine:
        differing.append("engine")
    if wanted.vim_id and wanted.vim_id != found.id:
        differing.append("id")
    return differing


def _reason(result: RegisterVimResult) -> str:
    return failure_of(status_error(result.refused)).reason if result.HasField("refused") else ""
