"""Decides what to do with each VIM. A dry run and `--apply` decide alike."""

from __future__ import annotations

from dataclasses import dataclass

from vimesh.cli.client.compare_vims import differences
from vimesh.cli.vim_import.import_tally import Result
from vimesh.cli.vim_import.prepared_vim import PreparedVim
from vimesh.cli.vim_import.tacker_source.import_outcome import Outcome
from vimesh.cli.vim_import.vim_keys import KeyClaims, VimKey
from vimesh.domain.vims import Registration
from vimesh.tacker.tacker_vims import Named
from vimesh.v1.vim_pb2 import Vim

NAME_STEP = "rename one of the two"
DEFAULT_STEP = "unset the other default first (vimesh vim set OTHER --no-default), or import with --no-default"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A VIM of Tacker that may be registered."""

    named: Named
    prepared: PreparedVim
    conflict: tuple[VimKey, Vim] | None
    """A key that the fleet has given to another VIM, or the id of one that is there already."""


class Decider:
    """Decides in the order of Tacker's database: if two VIMs ask for the same name or default, the first one gets it.

    Tacker does not check and store the default atomically: two VIMs of one project may both be its default VIM.
    """

    def __init__(self) -> None:
        self._claims = KeyClaims[Registration]()

    def decide(self, candidate: Candidate) -> Outcome:
        if candidate.conflict is not None:
            return judge_conflict(candidate, *candidate.conflict)
        wanted = candidate.prepared.registration
        if claimed := self._claims.claim(wanted, wanted):
            key, first = claimed
            return Outcome(candidate.named, Result.CANNOT, _taken(key, wanted, first.vim_id, first.name))
        return Outcome(candidate.named, Result.IMPORT, describe_left_out(candidate.prepared))


def judge_conflict(candidate: Candidate, key: VimKey, holder: Vim) -> Outcome:
    """Return the outcome for a VIM whose key is taken by a VIM of the fleet."""
    prepared = candidate.prepared
    if key is not VimKey.ID:
        return Outcome(candidate.named, Result.CANNOT, _taken(key, prepared.registration, holder.id, holder.name))
    differing = differences(prepared.registration, holder, ignored=prepared.ignored, left_out=prepared.left_out)
    if differing:
        return Outcome(candidate.named, Result.DIFFERS, ", ".join(differing))
    return Outcome(candidate.named, Result.PRESENT)


def describe_left_out(prepared: PreparedVim) -> str:
    return f"without {', '.join(prepared.left_out)}" if prepared.left_out else ""


def _taken(key: VimKey, wanted: Registration, vim_id: str, name: str) -> str:
    """Return which VIM has the key that `wanted` asks for, and what to do."""
    match key:
        case VimKey.ID:
            return f"another VIM of Tacker has the id {vim_id}"
        case VimKey.NAME:
            return f"project {wanted.project_id} already has a VIM named {wanted.name} ({vim_id}): {NAME_STEP}"
        case VimKey.DEFAULT:
            return f"project {wanted.project_id} already has a default VIM ({name}): {DEFAULT_STEP}"
