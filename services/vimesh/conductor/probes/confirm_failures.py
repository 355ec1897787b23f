"""Asks other monitors whether they can reach what one cannot, before it calls that UNREACHABLE (G15)."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import Final

from vimesh.conductor.pool.pool_upkeep import PoolUpkeep
from vimesh.conductor.probes.asked_monitors import AskedMonitor, AskedMonitors
from vimesh.conductor.probes.confirmation_statistics import ConfirmationStatistics
from vimesh.conductor.probes.host_samples import sampled
from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import Overloaded, PermissionDenied
from vimesh.domain.pool.pool_errors import MonitorNotFound
from vimesh.domain.probes.asked_probes import SECOND_OPINION_S, AskedProbe, ProbeSighting, policy_of_second
from vimesh.domain.probes.probe_errors import NoMonitor
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vim_store import VimStore
from vimesh.domain.vims import Status
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.wire.probes.probe_messages import patience_of, second_opinion
from vimesh.wire.request_messages import id_of

_MAX_CALLS: Final = 8
"""Calls of one monitor at a time: so many VIMs are 4,000, as many as a monitor may be asked for."""
_ON_THE_WAY_S: Final = 0.15
_Question = tuple[str, str, ProbePolicy]
"""URL, type and policy of VIMs that one probe answers for."""


class _Opinions:
    """The opinions of one call that were not sent yet."""

    def __init__(self, statistics: ConfirmationStatistics, clock: Callable[[], float]) -> None:
        self._statistics = statistics
        self._clock = clock
        self._began_at = clock()
        self._unsent: list[pb.SecondOpinion] = []
        self._awaited = {False: 0, True: 0}
        """How many VIMs nothing was said of yet: of those that are probed, and of those for which others stand."""
        self.news = asyncio.Event()
        """Set when there are some, or no more will come."""

    def expect(self, vims: int, *, of_host: bool = False) -> None:
        """Note that others are asked about so many VIMs. `of_host`: about others of their host instead."""
        self._awaited[of_host] += vims

    def add(self, positions: Sequence[int], sighting: ProbeSighting, *, of_host: bool = False) -> None:
        """Take what was seen of the VIMs at these positions."""
        self._awaited[of_host] -= len(positions)
        self._statistics.note(sighting.status, len(positions), self._clock() - self._began_at, of_host=of_host)
        self._send(positions, sighting, of_host=of_host)

    def skip(self, positions: Sequence[int]) -> None:
        """Note that nobody is asked about the VIMs at these positions."""
        self._send(positions, None, of_host=False)

    def end(self) -> None:
        """Note that no more will come."""
        for of_host, vims in self._awaited.items():
            self._statistics.note(Status.UNKNOWN, vims, 0.0, of_host=of_host)

    def _send(self, positions: Sequence[int], sighting: ProbeSighting | None, *, of_host: bool) -> None:
        self._unsent.extend(second_opinion(position, sighting, of_host=of_host) for position in positions)
        self.news.set()

    def take(self) -> list[pb.SecondOpinion]:
        """Return those that have come since the last time."""
        taken, self._unsent = self._unsent, []
        return taken


class FailureConfirmation:
    def __init__(
        self, store: VimStore, upkeep: PoolUpkeep, monitors: AskedMonitors, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._upkeep = upkeep
        self._monitors = monitors
        self._clock = clock
        self._calls: dict[str, int] = {}
        self.statistics = ConfirmationStatistics()

    async def confirm(
        self, request: pb.ConfirmFailuresRequest, caller: Caller
    ) -> AsyncGenerator[pb.ConfirmFailuresResponse]:
        """Yield what others see of the VIMs, as they say it. Ends within a second.

        Raises MonitorNotFound, PermissionDenied, NoMonitor, Overloaded, StoreUnavailable.
        """
        ends_at = self._clock() + SECOND_OPINION_S - _ON_THE_WAY_S
        monitor_id = id_of(request.monitor_id)
        vantage = self._upkeep.vantage_of(monitor_id)
        if vantage is None:
            raise MonitorNotFound(monitor_id)
        if not self._upkeep.belongs_to(monitor_id, caller.identity):
            raise PermissionDenied(f"monitor {monitor_id} belongs to another identity")
        members = {member.monitor_id for member in self._upkeep.assignment(vantage).members}
        if not members - {monitor_id}:
            return
        others = self._monitors.among(members - {monitor_id})
        if not others:
            raise NoMonitor
        # One that hangs has no opinion. It is asked again when it has answered late, or has another stream.
        others = [other for other in others if not other.is_silent] or others
        if self._calls.get(monitor_id, 0) >= _MAX_CALLS:
            raise Overloaded
        self._calls[monitor_id] = self._calls.get(monitor_id, 0) + 1
        opinions = _Opinions(self.statistics, self._clock)
        asking = asyncio.ensure_future(self._ask(request.vims, others, ends_at, opinions))
        # Whatever becomes of whoever reads the opinions, the call is over when nobody is asked any more.
        asking.add_done_callback(lambda _: self._end_call(monitor_id))
        asking.add_done_callback(lambda _: opinions.news.set())
        try:
            # One that hangs, or is asked about what is silent, does not delay what others have said.
            is_over = False
            while not is_over:
                await opinions.news.wait()
                opinions.news.clear()
                is_over = asking.done()
                if unsent := opinions.take():
                    yield pb.ConfirmFailuresResponse(opinions=unsent)
            asking.result()
        finally:
            asking.cancel()
            await asyncio.wait([asking])
            _ = asking.cancelled() or asking.exception()
            opinions.end()

    def _end_call(self, monitor_id: str) -> None:
        self._calls[monitor_id] -= 1
        if not self._calls[monitor_id]:
            del self._calls[monitor_id]

    async def _ask(
        self, vims: Sequence[pb.FailedVim], others: Sequence[AskedMonitor], ends_at: float, opinions: _Opinions
    ) -> None:
        """Ask the others, and pass on what each sees at once. `ends_at`: when to wait no longer."""
        positions: dict[tuple[str, str], list[int]] = defaultdict(list)
        for position, vim in enumerate(vims):
            positions[id_of(vim.vim_id), vim.action_id].append(position)
        asked: dict[_Question, list[int]] = defaultdict(list)
        probes: dict[_Question, AskedProbe] = {}
        try:
            async with asyncio.timeout(max(0.0, ends_at - self._clock())):
                actions = await self._store.actions_of(list({vim_id for vim_id, _ in positions}))
        except TimeoutError:
            return  # nobody would wait for what others see
        for action in actions:
            if of_action := positions.pop((action.vim_id, action.action_id), None):
                # VIMs that have an endpoint in common are lost together: one probe is enough for them.
                policy = policy_of_second(action.policy, patience_of(vims[of_action[0]]))
                question = (action.auth_url, action.vim_type, policy)
                asked[question].extend(of_action)
                probes.setdefault(question, AskedProbe(action.vim_id, action.auth_url, policy, action.vim_type))
        # What remains is not wanted any more.
        for of_action in positions.values():
            opinions.skip(of_action)
        samples = sampled(probes, asked)
        # Begin with another one each time: so a monitor that never tells the truth is not always the one that is asked.
        first = random.randrange(len(others))  # noqa: S311 - it spreads load, and is not a secret
        whats = list(probes)
        shares = [whats[(first + number) % len(others) :: len(others)] for number in range(len(others))]

        opinions.expect(sum(len(asked[what]) for what in probes))
        for sample in set(samples.values()):
            opinions.expect(len(sample.rest), of_host=True)

        def hear(share: Sequence[_Question], number: int, sighting: ProbeSighting) -> None:
            opinions.add(asked[share[number]], sighting)
            sample = samples.get(share[number])
            if sample is not None and sample.hear(sighting):
                opinions.add(sample.rest, sighting, of_host=True)

        within_s = max(0.0, ends_at - self._clock())
        await asyncio.gather(
            *(
                monitor.ask([probes[what] for what in share], within_s, partial(hear, share))
                for monitor, share in zip(others, shares, strict=True)
                if share
            )
        )
