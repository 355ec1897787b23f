"""Selects which of Tacker's VIMs to import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """Selects VIMs with one of the names or ids, in one of the projects. An empty criterion does not restrict."""

    names: tuple[str, ...] = ()
    vim_ids: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()

    def names_one(self, vim_id: str, name: str) -> bool:
        """Return whether a VIM's name or id selects it. Case-sensitive, unlike the comparisons of databases."""
        return not (self.names or self.vim_ids) or name in self.names or vim_id in self.vim_ids
