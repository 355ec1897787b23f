"""Says how long processes that serve take to stop, which whatever stops them has to know."""

from __future__ import annotations

from vimesh.api.api_process import ApiSettings
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.console.console_process import ConsoleSettings

_SERVERS_S = 4.0
"""The servers beside them, for health, probes and metrics, stop one after the other, in up to 2 s each."""
DRAINED: dict[str, ApiSettings | ConductorSettings | ConsoleSettings] = {
    "conductor": ConductorSettings(),
    "api": ApiSettings(address=""),
    "console": ConsoleSettings(address=""),
}


def stopping_s(part: str) -> float:
    settings = DRAINED[part]
    return settings.drain_s + settings.grace_s + _SERVERS_S
