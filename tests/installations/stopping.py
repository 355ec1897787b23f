"""Says how long a conductor takes to stop, which whatever stops it has to know."""

from __future__ import annotations

from vimesh.conductor.conductor_process import ConductorSettings

_SERVERS_S = 4.0
"""Its servers for health and for probes stop one after the other, in up to 2 s each."""


def stopping_s() -> float:
    settings = ConductorSettings()
    return settings.drain_s + settings.grace_s + _SERVERS_S
