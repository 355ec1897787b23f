"""Makes a process known to conductors, by way of the front."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc

from vimesh.domain.fleet.process_announcements import Announcement
from vimesh.runtime.outage_log import OutageLog
from vimesh.v1.fleet_service_pb2_grpc import FleetServiceStub
from vimesh.wire.fleet_messages import announcement_message
from vimesh.wire.wire_durations import seconds

if TYPE_CHECKING:  # exists for type checkers only
    from vimesh.v1.fleet_service_pb2_grpc import FleetServiceAsyncStub

_WITHIN_S: Final = 5.0


class FrontLink:
    """Implements FleetLink."""

    def __init__(self, front: grpc.aio.Channel) -> None:
        self._stub: FleetServiceAsyncStub = FleetServiceStub(front)
        self._outage_log = OutageLog("conductors", "announcements", meanwhile="this process may read as missing")

    async def announce(self, announcement: Announcement) -> float | None:
        try:
            answer = await self._stub.ReportProcess(announcement_message(announcement, ending=False), timeout=_WITHIN_S)
        except grpc.aio.AioRpcError as error:
            self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
            return None
        self._outage_log.note_success()
        return seconds(answer.report_within)

    async def withdraw(self, announcement: Announcement) -> None:
        try:
            await self._stub.ReportProcess(announcement_message(announcement, ending=True), timeout=_WITHIN_S)
        except grpc.aio.AioRpcError as error:
            self._outage_log.note_failure(f"{error.code().name}: {error.details()}")
