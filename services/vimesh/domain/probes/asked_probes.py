"""Defines probes that somebody asks for, what they saw, and how much of a policy there is time for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from vimesh.domain.probes.evidence import ProbeEvidence
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vims import Status

MAX_BATCH: Final = 500
"""Maximum number of probes in one message; the rules in the proto state the same."""
LONGEST_S: Final = 10.0
"""How long somebody may wait for a probe."""
SECOND_OPINION_S: Final = 1.0
"""How long a verdict waits for a second opinion at most (G15)."""
LONGEST_PATIENCE_S: Final = 0.6
"""How long another monitor waits for an answer before it agrees: with a second probe after a quarter of that, it has
agreed in time."""
SHORTEST_PATIENCE_S: Final = 0.2
"""So silence is agreed upon in a quarter of a second, and new handshakes with a VIM that is near have time enough."""
_SHORTEST_TIMEOUT_S: Final = 0.05
_MARGIN_S: Final = 0.2
"""For names to be looked up, and the loop of the monitor."""
_MOST_PROBES: Final = 3
_MOST_PROBES_OF_SECOND: Final = 2


@dataclass(frozen=True, slots=True)
class AskedProbe:
    """A round of probes to make once."""

    vim_id: str
    auth_url: str
    policy: ProbePolicy
    vim_type: str = ""
    """`Vim.type`; empty: not known."""
    wants_evidence: bool = False
    """Whether it is to be told step by step what the round has seen."""


@dataclass(frozen=True, slots=True)
class ProbeSighting:
    """What a monitor saw."""

    status: Status
    reason: str
    detail: str
    round_trip_s: float | None
    monitor_id: str
    vantage: str
    evidence: ProbeEvidence | None = None


def policy_within(policy: ProbePolicy, within_s: float) -> ProbePolicy:
    """Return the policy for one round that has ended by then, even if nothing answers."""
    probes = min(policy.fall, _MOST_PROBES)
    # Each further probe follows after a quarter of the time-out, at the latest.
    longest_s = max(_SHORTEST_TIMEOUT_S, within_s - _MARGIN_S) / (1 + (probes - 1) / 4)
    return replace(policy, fall=probes, rise=1, fail_for_s=0.0, timeout_s=min(policy.timeout_s, longest_s))


def policy_of_second(policy: ProbePolicy, patience_s: float) -> ProbePolicy:
    """Return the policy by which another monitor confirms that a VIM cannot be reached."""
    timeout_s = max(_SHORTEST_TIMEOUT_S, min(policy.timeout_s, patience_s))
    probes = min(policy.fall, _MOST_PROBES_OF_SECOND)
    return replace(policy, fall=probes, rise=1, fail_for_s=0.0, timeout_s=timeout_s)


def patience_for(round_trip_s: float) -> float:
    """Return how many seconds another monitor shall wait for a VIM that last answered in so many; 0: not known."""
    if not round_trip_s:
        return LONGEST_PATIENCE_S
    # A round trip on a kept connection has neither the connect nor the handshakes that the other one needs.
    return min(max(6 * round_trip_s, SHORTEST_PATIENCE_S), LONGEST_PATIENCE_S)
