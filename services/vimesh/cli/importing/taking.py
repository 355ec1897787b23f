"""Registers what is to be imported."""

from __future__ import annotations

import grpc

from vimesh.cli.exits import ExitCode
from vimesh.cli.importing.deciding import compared, left_out, taken
from vimesh.cli.importing.looking import Candidate, holders_in
from vimesh.cli.importing.outcome import Outcome, Result
from vimesh.cli.vim.failures import failure
from vimesh.cli.vim.fleet import Fleet
from vimesh.rpc.status import failure_of

_TAKEN = frozenset({"NAME_TAKEN", "DEFAULT_TAKEN"})


class Taker:
    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def take(self, candidate: Candidate) -> Outcome:
        """Raises AioRpcError when the fleet cannot be asked."""
        try:
            await self._fleet.register(candidate.prepared.request)
        except grpc.aio.AioRpcError as error:
            return await self._refused(candidate, error)
        return Outcome(candidate.named, Result.IMPORTED, left_out(candidate.prepared))

    async def _refused(self, candidate: Candidate, error: grpc.aio.AioRpcError) -> Outcome:
        # What is taken now was free when it was looked at: somebody else was faster.
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
