"""Tells the conductors what probes have shown of VIMs besides their status, in batches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, Never

import grpc
import structlog

from vimesh.monitor.conditions.condition_book import ActionNews, ConditionBook
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog
from vimesh.tracing.current_request import enter_request, new_request_id, request_metadata
from vimesh.tracing.spans import Tracer, root_span
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.wire.conditions.condition_messages import certificate_message, seen_condition_message

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceAsyncStub

_log = structlog.get_logger()

_TOO_MUCH: Final = frozenset({grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED})
_NOT_YET: Final = frozenset({grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.FAILED_PRECONDITION})
"""The conductor, or another one, is of an earlier version: an upgrade is under way."""


@dataclass(frozen=True, slots=True)
class ConditionLimits:
    batch: int = 500
    """Actions in one call: the contract allows no more."""
    call_timeout_s: float = 10.0
    gather_s: float = 0.1
    """How long a change waits for others, and for a newer one of its own."""
    first_pause_s: float = 0.5
    longest_pause_s: float = 60.0


class ConditionReporter:
    """Makes one call at a time, as the contract wants it. What fails is told later, in its newest state."""

    def __init__(  # noqa: PLR0913 - it connects the book, the actions and the conductors
        self,
        stub: ConductorServiceAsyncStub,
        book: ConditionBook,
        *,
        on_bad_action: Callable[[str, str], object],
        random: Random,
        limits: ConditionLimits | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """`on_bad_action` must end an action that is no longer wanted: (vim_id, action_id)."""
        self._stub = stub
        self._book = book
        self._on_bad_action = on_bad_action
        self._limits = limits or ConditionLimits()
        self._tracer = tracer
        self._has_news = asyncio.Event()
        self._most = self._limits.batch
        """How many entries the next batch may have: fewer after one that was too long, or took too long."""
        self._outage_log = OutageLog("conductors", "conditions of VIMs", meanwhile="probing goes on")
        self._backoff = Backoff(
            first_s=self._limits.first_pause_s, longest_s=self._limits.longest_pause_s, random=random
        )
        book.on_news = self._has_news.set

    async def run(self) -> Never:
        """Tell what is news until cancelled."""
        while True:
            self._has_news.clear()
            if not self._book:
                await self._has_news.wait()
            await asyncio.sleep(self._limits.gather_s)
            if await self.tell(self._take()):
                self._backoff.reset()
            else:
                await asyncio.sleep(self._backoff.pause_s())

    def _take(self) -> list[ActionNews]:
        """Take a batch with one entry for each VIM: while an action replaces another one, both may run."""
        taken = self._book.take(self._most)
        batch: dict[str, ActionNews] = {}
        self._book.put_back([news for news in taken if batch.setdefault(news.vim_id, news) is not news])
        return list(batch.values())

    async def tell(self, batch: Sequence[ActionNews]) -> bool:
        """Tell some news; return whether that was possible. If not, it is put back."""
        if not batch:
            return True
        enter_request(request_id := new_request_id())
        request = pb.ReportConditionsRequest(vims=[_entry(news) for news in batch])
        try:
            with root_span(self._tracer, "condition batch", request_id):
                response = await self._stub.ReportConditions(
                    request, timeout=self._limits.call_timeout_s, metadata=request_metadata()
                )
        except grpc.aio.AioRpcError as error:
            return await self._handle_failure(batch, error)
        except BaseException:
            self._book.put_back(batch)
            raise
        self._outage_log.note_success()
        self._most = min(2 * self._most, self._limits.batch)
        if len(response.outcomes) != len(batch):
            self._book.put_back(batch)
            return False
        for news, outcome in zip(batch, response.outcomes, strict=True):
            self._apply(news, outcome)
        return True

    async def _handle_failure(self, batch: Sequence[ActionNews], error: grpc.aio.AioRpcError) -> bool:
        if error.code() is not grpc.StatusCode.INVALID_ARGUMENT:
            if error.code() in _TOO_MUCH:
                self._most = max(1, len(batch) // 2)
            self._book.put_back(batch)
            if error.code() not in _NOT_YET:
                self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
            return False
        if len(batch) == 1:
            _log.error("conditions refused", vim_id=batch[0].vim_id, why=error.details())
            return True
        # One of them spoils the batch: the others shall get through.
        middle = len(batch) // 2
        first = await self.tell(batch[:middle])
        return await self.tell(batch[middle:]) and first

    def _apply(self, news: ActionNews, outcome: pb.VimConditionsOutcome) -> None:
        kind = outcome.WhichOneof("outcome")
        if kind == "bad_action":
            self._book.remove_action((news.vim_id, news.action_id))
            self._on_bad_action(news.vim_id, news.action_id)
        elif kind == "refused":
            _log.error("conditions refused", vim_id=news.vim_id, why=outcome.refused.message)


def _entry(news: ActionNews) -> pb.VimConditions:
    return pb.VimConditions(
        vim_id=news.vim_id,
        action_id=news.action_id,
        conditions=map(seen_condition_message, news.conditions),
        certificate=None if news.certificate is None else certificate_message(news.certificate),
        catalogue=news.catalogue,
    )
