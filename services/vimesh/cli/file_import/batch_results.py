"""Sends a batch of registrations and records the result of each."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

import grpc
from google.rpc.status_pb2 import Status

from vimesh.cli.client.compare_vims import differences
from vimesh.cli.client.existing_vims import ExistingVims
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.file_import.check_file import Waiting
from vimesh.cli.file_import.import_tally import ImportTally, Refusal
from vimesh.domain.vims import Engine, Registration
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2 import RegisterVimRequest, RegisterVimResult
from vimesh.wire import request_messages
from vimesh.wire.error_statuses import DETAILS_KEY, failure_of

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_REUSED = "REQUEST_ID_REUSED"
_LOOKS = 8
"""Maximum number of refused VIMs that are compared with the fleet at the same time."""


class Settler:
    def __init__(self, fleet: ExistingVims, address: str, ledger: ImportTally) -> None:
        self._fleet = fleet
        self._address = address
        self._ledger = ledger
        self._places = asyncio.Semaphore(_LOOKS)

    async def settle(self, batch: Sequence[Waiting]) -> None:
        """Register a batch and record the results in the tally. Raises AioRpcError if the fleet does not answer."""
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
                    self._note(repeated=result.registered.repeated)
                else:
                    tasks.create_task(self._refused(waiting, request, result.refused, had_another=place in reused))
        self._ledger.told()

    def _note(self, *, repeated: bool) -> None:
        if repeated:
            self._ledger.present += 1
        else:
            self._ledger.registered += 1

    async def _refused(
        self, waiting: Waiting, request: RegisterVimRequest, status: Status, *, had_another: bool
    ) -> None:
        async with self._places:
            error = _as_raised(status)
            wanted = request_messages.registration(request, Engine.EMBEDDED)
            holder = await self._holder(failure_of(error).reason, wanted)
        why = _text(error, self._address)
        if holder is not None:
            differing = _differences(request, wanted, holder)
            if not differing and not had_another:
                self._note(repeated=True)
                return
            # The fleet masks secrets. All that is known is that the request id was used with different ones.
            why = f"{why}: {holder.id}, which differs in {', '.join(differing) or 'auth_cred'}"
        self._ledger.refusals.append(Refusal(waiting, wanted.name, wanted.project_id, why))

    async def _holder(self, reason: str, wanted: Registration) -> Vim | None:
        """Return the VIM that has the id or name that was asked for."""
        match reason:
            case "VIM_ID_TAKEN":
                return await self._fleet.vim(wanted.vim_id)
            case "NAME_TAKEN":
                return await self._fleet.holder_of_name(wanted.project_id, wanted.name)
        return None


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
    return failure_of(_as_raised(result.refused)).reason if result.HasField("refused") else ""


def _as_raised(status: Status) -> grpc.aio.AioRpcError:
    """Return the error that a call with this status would raise."""
    details = grpc.aio.Metadata((DETAILS_KEY, status.SerializeToString()))
    return grpc.aio.AioRpcError(_CODES[status.code], grpc.aio.Metadata(), details, details=status.message)


def _text(error: grpc.aio.AioRpcError, address: str) -> str:
    failed = failure(error, address)
    return ": ".join([str(failed), "; ".join(failed.details)]).removesuffix(": ")
