"""Names what only one VIM can have, and records which VIM of an import asks for it first."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

from vimesh.domain.vims import Registration

_T = TypeVar("_T")


class VimKey(Enum):
    """The values are the reasons with which a conductor refuses a VIM because another one has the key."""

    ID = "VIM_ID_TAKEN"
    NAME = "NAME_TAKEN"
    """In a project."""
    DEFAULT = "DEFAULT_TAKEN"
    """Of a project."""


VIM_KEYS = {key.value: key for key in VimKey}


class KeyClaims(Generic[_T]):
    def __init__(self) -> None:
        self._owners: dict[tuple[VimKey, str, str], _T] = {}

    def claim(self, wanted: Registration, owner: _T) -> tuple[VimKey, _T] | None:
        """Claim all keys of a VIM. If one is claimed already, return it with its owner, and claim nothing."""
        keys = [(VimKey.NAME, wanted.project_id, wanted.name)]
        if wanted.vim_id:
            keys.append((VimKey.ID, "", wanted.vim_id))
        if wanted.is_default:
            keys.append((VimKey.DEFAULT, wanted.project_id, ""))
        for key in keys:
            if key in self._owners:
                return key[0], self._owners[key]
        self._owners.update(dict.fromkeys(keys, owner))
        return None
