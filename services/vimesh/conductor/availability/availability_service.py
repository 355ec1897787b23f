"""Serves AvailabilityService: how long VIMs had which status."""

from __future__ import annotations

from typing import Any

import grpc

from vimesh.conductor.availability.availability_messages import availability_message, availability_query
from vimesh.domain.availability.availability_store import AvailabilityStore
from vimesh.rpc.call_entrance import current_caller
from vimesh.v1 import availability_service_pb2 as pb
from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceServicer

_Context = grpc.aio.ServicerContext[Any, Any]


class AvailabilityServicer(AvailabilityServiceServicer):
    def __init__(self, store: AvailabilityStore) -> None:
        self._store = store

    async def QueryAvailability(
        self, request: pb.QueryAvailabilityRequest, context: _Context
    ) -> pb.QueryAvailabilityResponse:
        return availability_message(await self._store.query_availability(availability_query(request, current_caller())))
