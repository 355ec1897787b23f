"""Reads the changes of VIMs that match a filter, over one stream after another, into an agenda."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Final, Never

import grpc
import structlog

from vimesh.notifier.agenda.agenda_values import VimTruth
from vimesh.notifier.agenda.receiver_agenda import ReceiverAgenda
from vimesh.notifier.link.agenda_messages import WATCHED_FIELDS, log_change, status_of, vim_truth
from vimesh.notifier.notifier_statistics import NotifierStatistics
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog
from vimesh.v1 import vim_service_pb2 as pb

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

_log = structlog.get_logger()

_SILENCE_S: Final = 20.0
"""A conductor sends something every few seconds: a stream that is silent for longer is dead."""
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0


class VimStream:
    def __init__(  # noqa: PLR0913 - its surroundings
        self,
        vims: VimServiceAsyncStub,
        filter_text: str,
        agenda: ReceiverAgenda,
        statistics: NotifierStatistics,
        *,
        news: asyncio.Event,
        clock: Callable[[], float],
        random: Random,
        snapshots: asyncio.Semaphore,
    ) -> None:
        """`news` is set whenever the agenda has got something; `snapshots` limits those that read all VIMs at once."""
        self._vims = vims
        self._filter = filter_text
        self._agenda = agenda
        self._statistics = statistics
        self._clock = clock
        self._news = news
        self._snapshots = snapshots
        self.has_room = asyncio.Event()
        """To be set whenever the agenda has told something: it may have been full."""
        self._log_id = ""
        """The log that the position of the agenda is of; empty until a conductor has said."""
        self._is_gap = False
        """Whether changes are missing, so that all VIMs have to be read before the next one."""
        self._outage_log = OutageLog("conductors", "watch", meanwhile="changes wait in the log")
        self._backoff = Backoff(first_s=_FIRST_PAUSE_S, longest_s=_LONGEST_PAUSE_S, random=random)

    async def run(self) -> Never:
        """Read until cancelled."""
        while True:
            try:
                if self._is_gap:
                    async with self._snapshots:
                        await self._read_all()
                await self._read()
            except TimeoutError:
                self._outage_log.note_failure("the stream is silent")
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.OUT_OF_RANGE:
                    self._note_gap(error.details() or "")
                else:
                    self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
            await asyncio.sleep(self._backoff.pause_s())

    def _note_gap(self, why: str) -> None:
        if not self._is_gap:
            self._is_gap = True
            self._statistics.missed_changes += 1
            _log.warning("changes were missed: what is true now is compared with what was told", why=why)

    async def _read(self) -> None:
        """Read one stream until the server ends it."""
        request = pb.WatchVimsRequest(filter=self._filter, read_mask=WATCHED_FIELDS, log_id=self._log_id)
        request.start_revision = self._agenda.position + 1
        stream = self._vims.WatchVims(request)
        try:
            while isinstance(response := await self._next(stream), pb.WatchVimsResponse):
                self._note_success()
                self._log_id = response.log_id or self._log_id
                self._take_in(response)
                if response.end:
                    return
                await self._wait_for_room()
        finally:
            stream.cancel()

    async def _read_all(self) -> None:
        """Read all VIMs as they are now, in the place of changes that are missing."""
        request = pb.WatchVimsRequest(filter=self._filter, read_mask=WATCHED_FIELDS, snapshot=True)
        truths: list[VimTruth] = []
        stream = self._vims.WatchVims(request)
        try:
            while isinstance(response := await self._next(stream), pb.WatchVimsResponse):
                self._note_success()
                truths += [vim_truth(vim) for vim in response.vims if self._agenda.concerns(vim.id, status_of(vim))]
                if response.revision:
                    self._log_id = response.log_id
                    await self._compare(truths, response.revision)
                    return
        finally:
            stream.cancel()

    async def _compare(self, truths: Sequence[VimTruth], revision: int) -> None:
        for _ in self._agenda.reconcile(truths, revision, self._clock()):
            await asyncio.sleep(0)  # other receivers need not wait
        self._is_gap = False
        self._news.set()

    def _note_success(self) -> None:
        self._outage_log.note_success()
        self._backoff.reset()

    @staticmethod
    async def _next(stream: grpc.aio.UnaryStreamCall[pb.WatchVimsRequest, pb.WatchVimsResponse]) -> object:
        async with asyncio.timeout(_SILENCE_S):
            return await stream.read()

    def _take_in(self, response: pb.WatchVimsResponse) -> None:
        changes = [change for event in response.events if (change := log_change(event))]
        revision = response.revision or max((event.revision for event in response.events), default=0)
        self._agenda.take_in(changes, revision, self._clock())
        self._news.set()

    async def _wait_for_room(self) -> None:
        while self._agenda.is_full:
            self.has_room.clear()
            await self.has_room.wait()
