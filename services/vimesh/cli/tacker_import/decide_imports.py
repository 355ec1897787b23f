"""Decides what to do with each VIM. A dry run and `--apply` decide alike."""

from __future__ import annotations

from vimesh.cli.client.compare_vims import differences
from vimesh.cli.tacker_import.import_outcome import Outcome, Result
from vimesh.cli.tacker_import.look_up_vims import Candidate, Holders, RejectedRow
from vimesh.cli.tacker_import.row_to_request import PreparedRow
from vimesh.domain.vims import Registration
from vimesh.v1.vim_pb2 import Vim

NAME_STEP = "rename one of the two"
DEFAULT_STEP = "unset the other default first (vimesh vim set OTHER --no-default), or import with --no-default"


class Decider:
    """Decides in the order of Tacker's database: if two VIMs ask for the same name or default, the first one gets it.

    Tacker does not check and store the default atomically: two VIMs of one project may both be its default VIM.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[str, str], str] = {}
        """Ids of the VIMs to import, by project and name."""
        self._defaults: dict[str, str] = {}
        """Names of the VIMs to import as default, by project."""

    def decide(self, looked: Candidate | RejectedRow) -> Outcome:
        if isinstance(looked, RejectedRow):
            return Outcome(looked.named, Result.CANNOT, looked.why)
        if looked.found is not None:
            return compared(looked, looked.found)
        wanted = looked.prepared.registration
        if why := taken(wanted, looked.holders) or self._promised(wanted):
            return Outcome(looked.named, Result.CANNOT, why)
        self._names[wanted.project_id, wanted.name] = looked.named.vim_id
        if wanted.is_default:
            self._defaults[wanted.project_id] = wanted.name
        return Outcome(looked.named, Result.IMPORT, left_out(looked.prepared))

    def _promised(self, wanted: Registration) -> str:
        """Return which VIM of this run gets the name or default that `wanted` asks for; empty if none does."""
        if vim_id := self._names.get((wanted.project_id, wanted.name)):
            return _name_taken(wanted, vim_id)
        name = self._defaults.get(wanted.project_id) if wanted.is_default else None
        return _default_taken(wanted, name) if name is not None else ""


def taken(wanted: Registration, holders: Holders) -> str:
    """Return which VIM of the fleet has the name or default that `wanted` asks for; empty if none has."""
    if holders.of_name is not None:
        return _name_taken(wanted, holders.of_name.id)
    return _default_taken(wanted, holders.of_default.name) if holders.of_default is not None else ""


def compared(candidate: Candidate, found: Vim) -> Outcome:
    prepared = candidate.prepared
    ignored = () if prepared.with_default else ("is_default",)
    differing = differences(prepared.registration, found, ignored=ignored, left_out=prepared.left_out)
    if differing:
        return Outcome(candidate.named, Result.DIFFERS, ", ".join(differing))
    return Outcome(candidate.named, Result.PRESENT)


def left_out(prepared: PreparedRow) -> str:
    return f"without {', '.join(prepared.left_out)}" if prepared.left_out else ""


def _name_taken(wanted: Registration, vim_id: str) -> str:
    return f"project {wanted.project_id} already has a VIM named {wanted.name} ({vim_id}): {NAME_STEP}"


def _default_taken(wanted: Registration, name: str) -> str:
    return f"project {wanted.project_id} already has a default VIM ({name}): {DEFAULT_STEP}"
