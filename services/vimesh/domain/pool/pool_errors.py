"""Defines the errors of the pool. `vimesh.domain.errors` lists them with the others."""

from __future__ import annotations

from collections.abc import Mapping

from vimesh.domain.errors import VimeshError


class MonitorNotFound(VimeshError):
    def __init__(self, monitor_id: str) -> None:
        super().__init__(f"no monitor of the pool has the id {monitor_id}")
        self.monitor_id = monitor_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"monitor_id": self.monitor_id}


class TooManyMonitors(VimeshError):
    def __init__(self, most: int) -> None:
        super().__init__(f"the pool has {most} monitors already, which is its limit")


class AssignmentChanged(VimeshError):
    """The monitors are others than those by which the caller was told of its actions."""

    def __init__(self) -> None:
        super().__init__("the actions were divided anew in the meantime; start with the list")
