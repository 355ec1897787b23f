"""Serves HistoryService: records the digests of rounds, and lists the history of a VIM."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from vimesh.conductor.reports.contact_pace import ContactPace
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.history.history_limits import deliver_within_s
from vimesh.domain.history.history_store import DigestDelivery, HistorySample, SampleQuery
from vimesh.domain.history.round_digests import CLASS_LIMITS_S, RECORD_BYTES, is_consistent
from vimesh.domain.vim_store import VimStore
from vimesh.rpc.call_entrance import current_caller
from vimesh.runtime.loop_slices import in_slices
from vimesh.v1 import history_service_pb2 as pb
from vimesh.v1.history_service_pb2_grpc import HistoryServiceServicer
from vimesh.wire import request_messages
from vimesh.wire.wire_durations import duration, seconds, timestamp

_Context = grpc.aio.ServicerContext[Any, Any]
MAX_DIGESTS: Final = 60
"""Of one action in one call."""
_MAX_ID: Final = 255


class HistoryServicer(HistoryServiceServicer):
    def __init__(self, store: VimStore, pace: ContactPace) -> None:
        self._store = store.history
        self._pace = pace

    async def ListSamples(self, request: pb.ListSamplesRequest, context: _Context) -> pb.ListSamplesResponse:
        query = SampleQuery(
            request_messages.id_of(request.vim_id),
            start_time=_time(request.start_time) if request.HasField("start_time") else None,
            end_time=_time(request.end_time) if request.HasField("end_time") else None,
            resolution_s=round(seconds(request.resolution)),
        )
        samples = await self._store.list_samples(query, current_caller())
        return pb.ListSamplesResponse(
            samples=await in_slices(_sample_message, samples), class_limits=map(duration, CLASS_LIMITS_S)
        )

    async def RecordDigests(self, request: pb.RecordDigestsRequest, context: _Context) -> pb.RecordDigestsResponse:
        deliveries = await in_slices(_delivery, enumerate(request.actions))
        recorded = await self._store.record_digests(deliveries, current_caller())
        return pb.RecordDigestsResponse(
            time=timestamp(recorded.time),
            deliver_within=duration(deliver_within_s(self._pace.vims)),
            refused=recorded.refused,
        )


def _delivery(numbered: tuple[int, pb.ActionDigests]) -> DigestDelivery:
    """Read the digests of an action. Raises BadInput."""
    place, message = numbered
    vim_id, action_id, records = message.vim_id, message.action_id, message.digests
    if len(vim_id) > _MAX_ID or len(action_id) > _MAX_ID:
        raise BadInput(Violation(f"actions[{place}]", f"has an id of more than {_MAX_ID} characters"))
    if not 0 < len(records) <= MAX_DIGESTS * RECORD_BYTES or not is_consistent(records):
        raise BadInput(
            Violation(f"actions[{place}].digests", f"must be 1 to {MAX_DIGESTS} records of {RECORD_BYTES} bytes")
        )
    return DigestDelivery(vim_id, action_id, records)


def _time(message: Timestamp) -> dt.datetime:
    return message.ToDatetime(dt.UTC)


def _sample_message(sample: HistorySample) -> pb.Sample:
    digest = sample.digest
    message = pb.Sample(
        start_time=timestamp(sample.start_time),
        span=duration(sample.span_s),
        rounds=digest.rounds,
        answered=digest.answered,
        lost=digest.lost,
    )
    if digest.answered:
        message.min_round_trip.CopyFrom(duration(digest.min_s))
        message.mean_round_trip.CopyFrom(duration(digest.sum_s / digest.answered))
        message.max_round_trip.CopyFrom(duration(digest.max_s))
        message.classes.extend(digest.by_class)
    return message
