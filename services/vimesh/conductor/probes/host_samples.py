"""Lets some VIMs of a host stand for all of it when many are lost together (G13, G15). Pure: asks nobody."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import structlog

from vimesh.domain.endpoints import AuthUrlInvalid, endpoint_of
from vimesh.domain.probes.asked_probes import AskedProbe, ProbeSighting
from vimesh.domain.vims import Status

_log = structlog.get_logger()

MOST_OF_HOST: Final = 40
"""Probes of one host in one call. Monitors begin 50 a second at one address for all that ask."""
ENOUGH: Final = 10
"""How many of a sample have to agree."""

What = TypeVar("What")
"""Says which probe it is."""


class HostSample:
    """The VIMs of one host that are not probed, and what is seen of those that are."""

    def __init__(self, rest: Sequence[int]) -> None:
        """`rest`: the positions of the VIMs that are not probed."""
        self.rest = rest
        self._told: list[Status] = []

    def hear(self, sighting: ProbeSighting) -> bool:
        """Take what was seen of one of the sample; return whether that is what is seen of the rest, too.

        It is when enough could tell, and all the same. If they disagree, nothing is known of the rest.
        """
        if sighting.status is not Status.UNKNOWN:
            self._told.append(sighting.status)
        return len(self._told) == ENOUGH and len(set(self._told)) == 1


def sampled(probes: dict[What, AskedProbe], positions: Mapping[What, Sequence[int]]) -> dict[What, HostSample]:
    """Take the probes out that are too many of one host; return the samples by the probes that remain of it.

    `positions`: the VIMs that each probe is about.
    """
    if len(probes) <= MOST_OF_HOST:
        return {}
    by_host: dict[str, list[What]] = defaultdict(list)
    for what, probe in probes.items():
        by_host[_host_of(probe)].append(what)
    samples: dict[What, HostSample] = {}
    for host, whats in by_host.items():
        if len(whats) > MOST_OF_HOST:
            # Others each time: what is asked again is not decided by the same ones again.
            random.shuffle(whats)
            rest = whats[MOST_OF_HOST:]
            sample = HostSample([position for what in rest for position in positions[what]])
            samples |= dict.fromkeys(whats[:MOST_OF_HOST], sample)
            for what in rest:
                del probes[what]
            _log.info(
                "many VIMs of one host are lost: some stand for all", host=host, lost=len(whats), asked=MOST_OF_HOST
            )
    return samples


def _host_of(probe: AskedProbe) -> str:
    try:
        return endpoint_of(probe.auth_url).host
    except AuthUrlInvalid:
        return ""
