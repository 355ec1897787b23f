"""Looks up and registers one VIM of Tacker."""

from __future__ import annotations

import grpc

from vimesh.cli.base.exits import ExitCode
from vimesh.cli.client.explain_failures import failure, failure_line
from vimesh.cli.vim_import.existing_vims import ExistingVims
from vimesh.cli.vim_import.import_tally import Result
from vimesh.cli.vim_import.tacker_source.decide_imports import Candidate, describe_left_out, judge_conflict
from vimesh.cli.vim_import.tacker_source.import_outcome import Outcome
from vimesh.cli.vim_import.tacker_source.row_to_request import RowReader
from vimesh.cli.vim_import.vim_keys import VIM_KEYS, VimKey
from vimesh.tacker.tacker_database import Row
from vimesh.tacker.tacker_errors import CannotImport
from vimesh.tacker.tacker_vims import named
from vimesh.wire.error_statuses import failure_of


class RowImporter:
    """All calls raise AioRpcError if the fleet does not answer."""

    def __init__(self, fleet: ExistingVims, reader: RowReader) -> None:
        self._fleet = fleet
        self._reader = reader

    async def look_up(self, row: Row) -> Candidate | Outcome:
        """Prepare a row, and look up the VIM of the fleet that is in its way. The outcome is that of an unfit row."""
        head = named(row)
        try:
            prepared = self._reader.prepare(row)
        except CannotImport as error:
            return Outcome(head, Result.CANNOT, str(error))
        return Candidate(head, prepared, await self._fleet.conflict(prepared.registration))

    async def register(self, candidate: Candidate) -> Outcome:
        try:
            await self._fleet.register(candidate.prepared.request)
        except grpc.aio.AioRpcError as error:
            # What is taken now was free at the lookup: another client was faster.
            key = VIM_KEYS.get(failure_of(error).reason)
            holder = await self._fleet.holder(key, candidate.prepared.registration) if key is not None else None
            if key is not None and holder is not None:
                return judge_conflict(candidate, key, holder)
            if key is VimKey.NAME or key is VimKey.DEFAULT:
                return Outcome(candidate.named, Result.CANNOT, failure_of(error).message)  # the holder has just gone
            if failure(error, "the fleet").code is ExitCode.UNAVAILABLE:
                raise
            return Outcome(candidate.named, Result.FAILED, failure_line(error, "the fleet"))
        return Outcome(candidate.named, Result.IMPORTED, describe_left_out(candidate.prepared))
