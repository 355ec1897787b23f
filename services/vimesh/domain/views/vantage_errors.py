"""Defines the error of vantages. `vimesh.domain.errors` lists it with the others."""

from __future__ import annotations

from vimesh.domain.errors import VimeshError


class OlderConductors(VimeshError):
    """Conductors run that cannot read a policy that is to be stored, or a change that would be made.

    It does not name them: those who register VIMs need not know the machines of the fleet.
    """

    def __init__(self, count: int, subject: str = "vantages and quorums") -> None:
        """`subject`: what they cannot read."""
        how_many = (
            "1 conductor of an earlier release runs" if count == 1 else f"{count} conductors of an earlier release run"
        )
        super().__init__(f"{how_many} that cannot read {subject}; upgrade or stop first what `vimesh status` names")
