"""Looks up what the fleet has of a VIM before anything is decided."""

from __future__ import annotations

from dataclasses import dataclass

from vimesh.cli.client.existing_vims import ExistingVims
from vimesh.cli.tacker_import.row_to_request import PreparedRow, Registrar
from vimesh.domain.vims import Registration
from vimesh.tacker.credentials import CredentialsReader
from vimesh.tacker.tacker_database import Row
from vimesh.tacker.tacker_errors import CannotImport
from vimesh.tacker.tacker_vims import Named, named, vim_of
from vimesh.v1.vim_pb2 import Vim


@dataclass(frozen=True, slots=True)
class Holders:
    """VIMs of the fleet that have the name or default that a registration asks for."""

    of_name: Vim | None = None
    of_default: Vim | None = None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A VIM of Tacker that any fleet would refuse."""

    named: Named
    why: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A VIM of Tacker that may be registered, and what the fleet has in its place."""

    named: Named
    prepared: PreparedRow
    found: Vim | None
    """The VIM of the fleet with the same id."""
    holders: Holders


class Looker:
    def __init__(self, fleet: ExistingVims, credentials: CredentialsReader, registrar: Registrar) -> None:
        self._fleet = fleet
        self._credentials = credentials
        self._registrar = registrar

    async def look(self, row: Row) -> Candidate | RejectedRow:
        """Prepare a row and look it up in the fleet. Raises AioRpcError if the fleet does not answer."""
        head = named(row)
        try:
            prepared = self._registrar.prepare(vim_of(row, self._credentials))
        except CannotImport as error:
            return RejectedRow(head, str(error))
        found = await self._fleet.vim(head.vim_id)
        holders = Holders() if found is not None else await holders_in(self._fleet, prepared.registration)
        return Candidate(head, prepared, found, holders)


async def holders_in(fleet: ExistingVims, wanted: Registration) -> Holders:
    """Look up the VIMs because of which RegisterVim would refuse this one. Raises AioRpcError."""
    return Holders(
        of_name=await fleet.holder_of_name(wanted.project_id, wanted.name),
        of_default=await fleet.default_of(wanted.project_id) if wanted.is_default else None,
    )
