"""Defines the errors of causes. `vimesh.domain.errors` lists them with the others."""

from __future__ import annotations

from collections.abc import Mapping

from vimesh.domain.errors import VimeshError


class CauseNotFound(VimeshError):
    def __init__(self, cause_id: str) -> None:
        super().__init__(f"no cause has the id {cause_id}")
        self.cause_id = cause_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"cause_id": self.cause_id}
