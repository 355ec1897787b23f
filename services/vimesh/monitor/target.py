"""One VIM under probe."""

from __future__ import annotations

from enum import IntEnum

from vimesh.domain.actions import Action
from vimesh.domain.endpoints import endpoint_of
from vimesh.domain.probing import Method
from vimesh.monitor.addresses import Address, host_of
from vimesh.monitor.verdict import Track
from vimesh.monitor.wheel import Timed

MAX_SPACING_S = 0.25
OVERDUE_MARGIN_S = 10.0
"""Rounds in which the resolver has to be waited for are longer than their probes."""


class Stage(IntEnum):
    """What a target waits for; its time on the wheel is when that is over."""

    IDLE = 0
    """The next round."""
    AWAITING = 1
    """An answer."""
    SPACING = 2
    """The next probe of the round."""
    NAMING = 3
    """The address of its host name."""
    QUEUED = 4
    """Its turn to have a socket."""


class Target(Timed):
    """What the host keeps of a ping action. There may be 100,000: no dict, no task, no timer handle."""

    __slots__ = (
        "action_id",
        "address",
        "ended_at",
        "endpoint",
        "first_sent",
        "last_sent",
        "number",
        "policy",
        "preferred",
        "round_at",
        "round_trip_s",
        "serial",
        "stage",
        "track",
        "vim_id",
    )

    def __init__(self, action: Action) -> None:
        """Raises AuthUrlInvalid."""
        super().__init__()
        self.vim_id = action.vim_id
        self.action_id = action.action_id
        self.policy = action.policy
        self.endpoint = endpoint_of(action.auth_url)
        self.address = self._fixed_address()
        """None when the host is a name: then the resolver knows."""
        self.track = Track(fall=action.policy.fall, rise=action.policy.rise)
        self.stage = Stage.IDLE
        self.serial = 0
        """The open round; no two rounds of a process have the same."""
        self.number = 0
        """The newest probe of the round."""
        self.preferred = 0
        """Which of the host's addresses is tried first."""
        self.round_at = 0.0
        self.ended_at = 0.0
        """When the newest round that came to an end did so."""
        self.first_sent = 0.0
        self.last_sent = 0.0
        self.round_trip_s = 0.0
        """Of the newest answer."""

    @property
    def port(self) -> int:
        """The port for probes; ICMP has none."""
        return 0 if self.policy.method is Method.PING else self.endpoint.port

    def _fixed_address(self) -> Address | None:
        ip = self.endpoint.address
        return None if ip is None else host_of(ip).address(self.port)

    @property
    def spacing_s(self) -> float:
        """The shortest time between two probes of the same round."""
        return min(self.policy.timeout_s / 4, MAX_SPACING_S)

    @property
    def patience_s(self) -> float:
        """How long silence lasts before another probe of the same round is sent: a VIM may be slow by nature."""
        return max(self.spacing_s, min(2 * self.round_trip_s, self.policy.timeout_s))

    def judged_at(self) -> float:
        """When silence after the newest probe is over."""
        if self.track.has_more:
            return self.last_sent + self.patience_s
        if self.track.hedged:
            whole = self.first_sent + self.policy.timeout_s + self.spacing_s
            return max(whole, self.last_sent + self.patience_s)
        return self.last_sent + self.policy.timeout_s

    def overdue_at(self) -> float:
        """When the next round must have ended, whatever became of it."""
        policy = self.policy
        probes_s = (policy.fall + policy.rise) * policy.timeout_s
        return self.ended_at + 2 * policy.interval_s + probes_s + OVERDUE_MARGIN_S
