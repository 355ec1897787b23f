"""Reports on VIMs of the engine EXTERNAL, whose statuses change at a given pace, through conductors that die."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from random import Random
from typing import Final, Never

import grpc

from tests.simulation.notifications.fleet_calls import list_vims
from tests.support.deployments.conductors import Client, report_on
from vimesh.v1 import vim_pb2, vim_service_pb2
from vimesh.v1.conductor_service_pb2 import UpdateVimRequest, UpdateVimsRequest, UpdateVimsResponse

_BATCH_S: Final = 0.5
_CALL_S: Final = 10.0
_RETRY_S: Final = 0.2
_CONFIRM_EVERY_S: Final = 5.0
_REASONS: Final = ("TIMEOUT", "REFUSED", "TLS_FAILED")
_VIMS_IN_A_CALL: Final = 100
_PER_CALL: Final = 500
_LABELED: Final = 20
LABEL: Final = ("mail", "yes")
"""Of every twentieth VIM."""


class StatusLoad:
    def __init__(self, client: Client, random: Random) -> None:
        self._client = client
        self._random = random
        self._reports: list[UpdateVimRequest] = []
        """The newest report on each VIM."""
        self.vim_ids: dict[str, str] = {}
        """Ids of the VIMs by their names, in the order of their numbers."""
        self.changes = 0

    @property
    def labeled_ids(self) -> list[str]:
        return [*self.vim_ids.values()][::_LABELED]

    async def register(self, count: int, *, lost: Collection[int] = ()) -> None:
        """Register VIMs. `lost`: the numbers of those that are UNREACHABLE from the beginning."""
        vims = [
            vim_pb2.Vim(
                name=f"vim-{number}",
                type="openstack",
                auth_url=f"http://127.0.0.1:9/{number}",
                labels={} if number % _LABELED else dict([LABEL]),
            )
            for number in range(count)
        ]
        for first in range(0, count, _VIMS_IN_A_CALL):
            requests = [
                vim_service_pb2.RegisterVimRequest(vim=vim, engine=vim_pb2.Monitor.EXTERNAL)
                for vim in vims[first : first + _VIMS_IN_A_CALL]
            ]
            await self._client.vims.RegisterVims(
                vim_service_pb2.RegisterVimsRequest(requests=requests), timeout=_CALL_S
            )
        by_name = {vim.name: vim for vim in await list_vims(self._client)}
        registered = [by_name[vim.name] for vim in vims]
        self.vim_ids = {vim.name: vim.id for vim in registered}
        self._reports = [report_on(vim, vim_pb2.Vim.REACHABLE, 1) for vim in registered]
        for number in lost:
            self._flip(self._reports[number])
        await self.confirm()

    async def run(self, changes: int, per_s: float) -> None:
        """Change statuses, every VIM as often as the others, until there were so many changes."""
        queue: list[int] = []
        loop = asyncio.get_running_loop()
        size = max(1, min(round(per_s * _BATCH_S), len(self._reports) // 2))
        while self.changes < changes:
            began = loop.time()
            if len(queue) < size:
                queue += self._random.sample(range(len(self._reports)), len(self._reports))
            batch, queue = queue[:size], queue[size:]
            await self.change(dict.fromkeys(batch))
            await asyncio.sleep(max(0.0, began + _BATCH_S - loop.time()))

    async def confirm(self) -> None:
        """Report everything once more, so that no lease ends."""
        await self._send(self._reports)

    async def change(self, numbers: Iterable[int], reason: str = "") -> None:
        """Lose VIMs that are REACHABLE, and find those that are not. `reason`: empty for any."""
        reports = [self._reports[number] for number in numbers]
        for report in reports:
            self._flip(report, reason)
        await self._send(reports)

    async def keep_confirming(self) -> Never:
        while True:
            await self.confirm()
            await asyncio.sleep(_CONFIRM_EVERY_S)

    def _flip(self, report: UpdateVimRequest, reason: str = "") -> None:
        is_up = report.status == vim_pb2.Vim.REACHABLE
        report.status = vim_pb2.Vim.UNREACHABLE if is_up else vim_pb2.Vim.REACHABLE
        report.reason = (reason or self._random.choice(_REASONS)) if is_up else ""
        report.observation += 1
        self.changes += 1

    async def _send(self, reports: Sequence[UpdateVimRequest]) -> None:
        """Send reports until they are answered: each of them is the same however often it arrives."""
        for first in range(0, len(reports), _PER_CALL):
            request = UpdateVimsRequest(reports=reports[first : first + _PER_CALL])
            answer = await self._answered(request)
            assert all(outcome.WhichOneof("outcome") == "status" for outcome in answer.outcomes), answer.outcomes[:3]

    async def _answered(self, request: UpdateVimsRequest) -> UpdateVimsResponse:
        while True:
            try:
                return await self._client.conductor.UpdateVims(request, timeout=_CALL_S)
            except grpc.aio.AioRpcError as error:
                if error.code() not in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                    raise
            await asyncio.sleep(_RETRY_S)
