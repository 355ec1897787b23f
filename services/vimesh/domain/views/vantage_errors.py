"""Defines the error of vantages. `vimesh.domain.errors` lists it with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from vimesh.domain.errors import VimeshError

_MAX_NAMED: Final = 5


class OlderConductors(VimeshError):
    """Conductors run that cannot read a VIM with vantages or a quorum, and would break its actions."""

    def __init__(self, conductors: Sequence[str]) -> None:
        """`conductors`: their hosts and process ids."""
        self.conductors = conductors
        named = ", ".join(conductors[:_MAX_NAMED]) + (", ..." if len(conductors) > _MAX_NAMED else "")
        super().__init__(
            f"conductors of an earlier release cannot read vantages and quorums; upgrade or stop them first: {named}"
        )

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"conductors": ",".join(self.conductors[:_MAX_NAMED])}
