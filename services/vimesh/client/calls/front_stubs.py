"""Connects to a front: one channel, with a stub for each service, and calls with a time limit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vimesh.client.credentials.keep_login import valid_login
from vimesh.rpc.channels import channel
from vimesh.v1.access_service_pb2_grpc import AccessServiceStub
from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from vimesh.v1.fleet_service_pb2_grpc import FleetServiceStub
from vimesh.v1.history_service_pb2_grpc import HistoryServiceStub
from vimesh.v1.maintenance_service_pb2_grpc import MaintenanceServiceStub
from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

if TYPE_CHECKING:
    import grpc

    # These exist only in the stubs.
    from vimesh.v1.access_service_pb2_grpc import AccessServiceAsyncStub
    from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceAsyncStub
    from vimesh.v1.fleet_service_pb2_grpc import FleetServiceAsyncStub
    from vimesh.v1.history_service_pb2_grpc import HistoryServiceAsyncStub
    from vimesh.v1.maintenance_service_pb2_grpc import MaintenanceServiceAsyncStub
    from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub


@dataclass(frozen=True, slots=True)
class Front:
    address: str
    vims: VimServiceAsyncStub
    access: AccessServiceAsyncStub
    fleet: FleetServiceAsyncStub
    history: HistoryServiceAsyncStub
    availability: AvailabilityServiceAsyncStub
    maintenance: MaintenanceServiceAsyncStub
    receivers: ReceiverServiceAsyncStub
    timeout_s: float
    """Time limit of one call."""


@asynccontextmanager
async def connected(
    address: str, timeout_s: float, credentials: Path | None = None, *, warn: Callable[[str], object] = lambda _: None
) -> AsyncGenerator[Front]:
    """Open a channel for the block.

    `warn` is called if a login cannot be renewed while the block runs. Raises BadSetting if the credentials cannot be
    used, LoginFailed if they are a login that has ended.
    """
    async with valid_login(credentials, warn), channel(address, credentials) as opened:
        yield front_on(opened, address, timeout_s)


def front_on(opened: grpc.aio.Channel, address: str, timeout_s: float) -> Front:
    """Return the stubs on a channel. `address` is that of the channel, for messages."""
    return Front(
        address,
        VimServiceStub(opened),
        AccessServiceStub(opened),
        FleetServiceStub(opened),
        HistoryServiceStub(opened),
        AvailabilityServiceStub(opened),
        MaintenanceServiceStub(opened),
        ReceiverServiceStub(opened),
        timeout_s,
    )
