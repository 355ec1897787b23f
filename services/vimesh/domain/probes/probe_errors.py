"""Defines the errors of probes that somebody asks for. `vimesh.domain.errors` lists them with the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vimesh.domain.errors import VimeshError

if TYPE_CHECKING:
    from vimesh.domain.vims import Engine  # clients import errors, and not what they are about


class NoMonitor(VimeshError):
    """Another conductor may be able to ask one."""

    def __init__(self, why: str = "no live monitor can be asked for probes here") -> None:
        super().__init__(f"{why}; try again")


class MonitorSilent(VimeshError):
    """The time for the probe is over: it would be over at another conductor as well."""

    def __init__(self, monitor_id: str, within_s: float) -> None:
        super().__init__(f"monitor {monitor_id} did not answer within {within_s:.1f} s")
        self.monitor_id = monitor_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"monitor_id": self.monitor_id}


class ProbedElsewhere(VimeshError):
    def __init__(self, vim_id: str, engine: Engine) -> None:
        super().__init__(f"the monitors of the fleet do not probe VIM {vim_id}: its engine is {engine}")
        self.vim_id = vim_id
        self.engine = engine

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"vim_id": self.vim_id, "engine": self.engine}


class ProbeRateExceeded(VimeshError):
    """A probe may be asked for in `retry_after_s` seconds, unless others are faster."""

    def __init__(self, project_id: str, retry_after_s: float) -> None:
        super().__init__(f"too many probes of project {project_id} were asked for; try again later")
        self.project_id = project_id
        self.retry_after_s = retry_after_s

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"project_id": self.project_id}
