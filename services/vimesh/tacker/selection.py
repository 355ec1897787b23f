"""Which of Tacker's VIMs are meant."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Selection:
    """Nothing given: all. A VIM with one of the names or ids is meant, if it is in one of the projects."""

    names: tuple[str, ...] = ()
    vim_ids: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()

    def names_one(self, vim_id: str, name: str) -> bool:
        """Whether a VIM is meant by its name or id. Databases compare without regard to case, this does not."""
        return not (self.names or self.vim_ids) or name in self.names or vim_id in self.vim_ids
