"""Registers the VIMs to import."""

from __future__ import annotations

import grpc

from vimesh.cli.base.exits import ExitCode
from vimesh.cli.client.existing_vims import ExistingVims
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.tacker_import.decide_imports import compared, left_out, taken
from vimesh.cli.tacker_import.import_outcome import Outcome, Result
from vimesh.cli.tacker_import.look_up_vims import Candidate, holders_in
from vimesh.wire.error_statuses import failure_of

_TAKEN = frozenset({"NAME_TAKEN", "DEFAULT_TAKEN"})


class Taker:
    def __init__(self, fleet: ExistingVims) -> None:
        self._fleet = fleet

    async def take(self, candidate: Candidate) -> Outcome:
        """Register a VIM and return the outcome. Raises AioRpcError if the fleet does not answer."""
        try:
            await self._fleet.register(candidate.prepared.request)
        except grpc.aio.AioRpcError as error:
            return await self._refused(candidate, error)
        return Outcome(candidate.named, Result.IMPORTED, left_out(candidate.prepared))

    async def _refused(self, candidate: Candidate, error: grpc.aio.AioRpcError) -> Outcome:
        # What is taken now was free at the lookup: another client was faster.
        reason = failure_of(error).reason
        if reason == "VIM_ID_TAKEN" and (found := await self._fleet.vim(candidate.named.vim_id)) is not None:
            return compared(candidate, found)
        if reason in _TAKEN:
            wanted = candidate.prepared.registration
            why = taken(wanted, await holders_in(self._fleet, wanted))
            return Outcome(candidate.named, Result.CANNOT, why or failure_of(error).message)
        failed = failure(error, "the fleet")
        if failed.code is ExitCode.UNAVAILABLE:
            raise error
        detail = ": ".join([str(failed), "; ".join(failed.details)]).removesuffix(": ")
        return Outcome(candidate.named, Result.FAILED, detail)
