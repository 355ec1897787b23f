"""Defines the errors of maintenance windows. `vimesh.domain.errors` lists them with the others."""

from __future__ import annotations

from collections.abc import Mapping

from vimesh.domain.errors import VimeshError


class WindowNotFound(VimeshError):
    def __init__(self, window_id: str) -> None:
        super().__init__(f"no maintenance window has the id {window_id}")
        self.window_id = window_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"window_id": self.window_id}


class TooManyWindows(VimeshError):
    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} maintenance windows are open or planned already; end one of them first")
        self.limit = limit

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"limit": str(self.limit)}
