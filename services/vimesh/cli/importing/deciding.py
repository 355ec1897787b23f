"""What is to be done about one VIM, and what comes of it."""

from __future__ import annotations

from typing import Final

import grpc

from vimesh.cli.exits import ExitCode
from vimesh.cli.importing.comparing import differences
from vimesh.cli.importing.fleet import Fleet
from vimesh.cli.importing.outcome import Outcome, Result
from vimesh.cli.importing.registering import Prepared, Registrar
from vimesh.cli.vim.failures import failure
from vimesh.rpc.status import failure_of
from vimesh.tacker.credentials import CredentialsReader
from vimesh.tacker.database import Row
from vimesh.tacker.errors import CannotImport
from vimesh.tacker.vims import Named, named, vim_of
from vimesh.v1.vim_pb2 import Vim

_NEXT_STEP: Final = {
    "NAME_TAKEN": "give one of the two another name",
    "DEFAULT_TAKEN": "take it from the other one first: vimesh vim set OTHER --no-default",
}


class Decider:
    def __init__(self, fleet: Fleet, credentials: CredentialsReader, registrar: Registrar, *, apply: bool) -> None:
        self._fleet = fleet
        self._credentials = credentials
        self._registrar = registrar
        self._apply = apply
        self._defaults: dict[str, str] = {}
        """Name of the VIM that would become the default one, by project."""

    async def settle(self, row: Row) -> Outcome:
        """Raises AioRpcError when the fleet cannot be asked."""
        head = named(row)
        try:
            prepared = self._registrar.prepare(vim_of(row, self._credentials))
            found = await self._fleet.vim(head.vim_id)
            if found is not None:
                return _compared(head, prepared, found)
            if self._apply:
                return await self._registered(head, prepared)
            await self._check_room(prepared)
        except CannotImport as error:
            return Outcome(head, Result.CANNOT, str(error))
        return Outcome(head, Result.IMPORT, _left_out(prepared))

    async def _registered(self, head: Named, prepared: Prepared) -> Outcome:
        try:
            await self._fleet.register(prepared.request)
        except grpc.aio.AioRpcError as error:
            reason = failure_of(error).reason
            if reason == "VIM_ID_TAKEN" and (found := await self._fleet.vim(head.vim_id)) is not None:
                # Somebody else was faster.
                return _compared(head, prepared, found)
            if reason in _NEXT_STEP:
                raise CannotImport(f"{failure_of(error).message}: {_NEXT_STEP[reason]}") from None
            failed = failure(error, "the fleet")
            if failed.code is ExitCode.UNAVAILABLE:
                raise
            return Outcome(head, Result.FAILED, ": ".join([str(failed), "; ".join(failed.details)]).removesuffix(": "))
        return Outcome(head, Result.IMPORTED, _left_out(prepared))

    async def _check_room(self, prepared: Prepared) -> None:
        """Raise CannotImport for what RegisterVim would find taken."""
        wanted = prepared.registration
        if (holder := await self._fleet.holder_of_name(wanted.project_id, wanted.name)) is not None:
            raise CannotImport(
                f"project {wanted.project_id} has a VIM named {wanted.name} already ({holder.id}): "
                f"{_NEXT_STEP['NAME_TAKEN']}"
            )
        if not wanted.is_default:
            return
        default = await self._fleet.default_of(wanted.project_id)
        # Tacker checks before it stores, and not while it does: two at once may both have become the default one.
        name = default.name if default is not None else self._defaults.setdefault(wanted.project_id, wanted.name)
        if default is not None or name != wanted.name:
            raise CannotImport(
                f"project {wanted.project_id} has a default VIM already ({name}): {_NEXT_STEP['DEFAULT_TAKEN']}"
            )


def _compared(head: Named, prepared: Prepared, found: Vim) -> Outcome:
    differing = differences(prepared, found)
    return Outcome(head, Result.DIFFERS, ", ".join(differing)) if differing else Outcome(head, Result.PRESENT)


def _left_out(prepared: Prepared) -> str:
    return f"without {', '.join(prepared.left_out)}" if prepared.left_out else ""
