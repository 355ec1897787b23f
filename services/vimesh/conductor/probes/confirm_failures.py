"""Asks other monitors whether they can reach what one cannot, before it calls that UNREACHABLE (G15)."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from vimesh.conductor.pool.pool_upkeep import PoolUpkeep
from vimesh.conductor.probes.asked_monitors import AskedMonitor, AskedMonitors
from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import Overloaded, PermissionDenied
from vimesh.domain.pool.pool_errors import MonitorNotFound
from vimesh.domain.probes.asked_probes import SECOND_OPINION_S, AskedProbe, ProbeSighting, policy_of_second
from vimesh.domain.probes.probe_errors import NoMonitor
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vim_store import VimStore
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.wire.probes.probe_messages import patience_of, second_opinion
from vimesh.wire.request_messages import id_of

_MAX_CALLS: Final = 8
"""Calls of one monitor at a time: so many VIMs are 4,000, as many as a monitor may be asked for."""
_ON_THE_WAY_S: Final = 0.15


class FailureConfirmation:
    def __init__(self, store: VimStore, upkeep: PoolUpkeep, monitors: AskedMonitors) -> None:
        self._store = store
        self._upkeep = upkeep
        self._monitors = monitors
        self._calls: dict[str, int] = {}

    async def confirm(self, request: pb.ConfirmFailuresRequest, caller: Caller) -> pb.ConfirmFailuresResponse:
        """Return what others see of each VIM.

        Raises MonitorNotFound, PermissionDenied, NoMonitor, Overloaded, StoreUnavailable.
        """
        monitor_id = id_of(request.monitor_id)
        vantage = self._upkeep.vantage_of(monitor_id)
        if vantage is None:
            raise MonitorNotFound(monitor_id)
        if not self._upkeep.belongs_to(monitor_id, caller.identity):
            raise PermissionDenied(f"monitor {monitor_id} belongs to another identity")
        members = {member.monitor_id for member in self._upkeep.assignment(vantage).members}
        if not members - {monitor_id}:
            return pb.ConfirmFailuresResponse(opinions=[pb.SecondOpinion()] * len(request.vims))
        others = self._monitors.among(members - {monitor_id})
        if not others:
            raise NoMonitor
        if self._calls.get(monitor_id, 0) >= _MAX_CALLS:
            raise Overloaded
        self._calls[monitor_id] = self._calls.get(monitor_id, 0) + 1
        try:
            sightings = await self._ask(request.vims, others)
        finally:
            self._calls[monitor_id] -= 1
            if not self._calls[monitor_id]:
                del self._calls[monitor_id]
        return pb.ConfirmFailuresResponse(opinions=[second_opinion(sightings.get(vim.vim_id)) for vim in request.vims])

    async def _ask(self, vims: Sequence[pb.FailedVim], others: Sequence[AskedMonitor]) -> dict[str, ProbeSighting]:
        """Return what was seen, by the id of the VIM as the request has it."""
        wanted = {(id_of(vim.vim_id), vim.action_id): vim for vim in vims}
        asked: dict[tuple[str, ProbePolicy], list[str]] = defaultdict(list)
        for action in await self._store.actions_of(list({vim_id for vim_id, _ in wanted})):
            if vim := wanted.get((action.vim_id, action.action_id)):
                # VIMs that have an endpoint in common are lost together: one probe is enough for them.
                asked[action.auth_url, policy_of_second(action.policy, patience_of(vim))].append(vim.vim_id)
        probes = [AskedProbe(vim_ids[0], *what) for what, vim_ids in asked.items()]
        # Begin with another one each time: so a monitor that never tells the truth is not always the one that is asked.
        first = random.randrange(len(others))  # noqa: S311 - it spreads load, and is not a secret
        shares = [probes[(first + number) % len(others) :: len(others)] for number in range(len(others))]
        answers = await asyncio.gather(
            *(
                monitor.ask(share, SECOND_OPINION_S - _ON_THE_WAY_S)
                for monitor, share in zip(others, shares, strict=True)
                if share
            )
        )
        return {
            vim_id: sighting
            for share, sightings in zip(filter(None, shares), answers, strict=True)
            for probe, sighting in zip(share, sightings, strict=True)
            if sighting is not None
            for vim_id in asked[probe.auth_url, probe.policy]
        }
