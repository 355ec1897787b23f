"""Runs well-behaved callers during a flood: an action that reports, and a person who reads."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Never

import grpc

from vimesh.v1 import conductor_service_pb2, vim_pb2, vim_service_pb2
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

_PAUSE_S = 0.25
_DEADLINE_S = 10.0


@dataclass(slots=True)
class Diary:
    took_s: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def p99_ms(self) -> float:
        took = sorted(self.took_s)
        return 1000 * took[int(0.99 * len(took))] if took else float("nan")


class Bystanders:
    """Their calls go through the front, like all others."""

    def __init__(self, channel: grpc.aio.Channel, vim_ids: Sequence[str]) -> None:
        """`vim_ids` are EXTERNAL VIMs of their own."""
        self._conductors = ConductorServiceStub(channel)
        self._vims = VimServiceStub(channel)
        self._vim_ids = vim_ids
        self.reports, self.reads = Diary(), Diary()

    def begin_chapter(self) -> None:
        """Discard the earlier figures."""
        self.reports, self.reads = Diary(), Diary()

    async def run(self) -> Never:
        """Call until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._report())
            tasks.create_task(self._read())
        raise AssertionError("both go on for ever")

    async def _report(self) -> None:
        request = conductor_service_pb2.UpdateVimsRequest(
            reports=[
                conductor_service_pb2.UpdateVimRequest(vim_id=vim_id, action_id=vim_id, status=vim_pb2.Vim.REACHABLE)
                for vim_id in self._vim_ids
            ]
        )
        while True:
            began, diary = time.monotonic(), self.reports
            try:
                answer = await self._conductors.UpdateVims(request, timeout=_DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                diary.failures[error.code().name] += 1
            else:
                diary.took_s.append(time.monotonic() - began)
                if any(outcome.WhichOneof("outcome") != "status" for outcome in answer.outcomes):
                    diary.failures["not taken"] += 1
            await asyncio.sleep(_PAUSE_S)

    async def _read(self) -> None:
        request = vim_service_pb2.GetVimRequest(vim_id=self._vim_ids[0])
        while True:
            began, diary = time.monotonic(), self.reads
            try:
                await self._vims.GetVim(request, timeout=_DEADLINE_S)
            except grpc.aio.AioRpcError as error:
                diary.failures[error.code().name] += 1
            else:
                diary.took_s.append(time.monotonic() - began)
            await asyncio.sleep(_PAUSE_S)
