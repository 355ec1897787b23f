"""Connects a command to the mesh: one channel, and calls with a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import grpc

from vimesh.cli.base.client_settings import ClientSettings
from vimesh.cli.base.exits import Failure
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.client.keep_login import valid_login
from vimesh.rpc.channels import channel
from vimesh.v1.access_service_pb2_grpc import AccessServiceStub
from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceStub
from vimesh.v1.fleet_service_pb2_grpc import FleetServiceStub
from vimesh.v1.history_service_pb2_grpc import HistoryServiceStub
from vimesh.v1.maintenance_service_pb2_grpc import MaintenanceServiceStub
from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceStub
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

if TYPE_CHECKING:
    # These exist only in the stubs.
    from vimesh.v1.access_service_pb2_grpc import AccessServiceAsyncStub
    from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceAsyncStub
    from vimesh.v1.fleet_service_pb2_grpc import FleetServiceAsyncStub
    from vimesh.v1.history_service_pb2_grpc import HistoryServiceAsyncStub
    from vimesh.v1.maintenance_service_pb2_grpc import MaintenanceServiceAsyncStub
    from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceAsyncStub
    from vimesh.v1.vim_service_pb2_grpc import VimServiceAsyncStub

T = TypeVar("T")


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
async def connected(address: str, timeout_s: float, credentials: Path | None = None) -> AsyncGenerator[Front]:
    """Raises BadSetting if the credentials cannot be used, Failure if they are a login that has ended."""
    async with valid_login(credentials), channel(address, credentials) as opened:
        yield Front(
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


def run(settings: ClientSettings, command: Callable[[Front], Awaitable[T]]) -> T:
    """Run a command against the front. Raises Failure if one of its calls fails."""

    async def connect_and_run() -> T:
        async with connected(settings.address, settings.call_timeout_s, settings.credentials) as front:
            return await command(front)

    with failed_calls_explained(settings.address):
        return asyncio.run(connect_and_run())


@contextmanager
def failed_calls_explained(address: str) -> Generator[None]:
    """Turn a failed call into a Failure, also one in an exception group."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise failure(error, address) from error
    except BaseExceptionGroup as group:
        calls = group.subgroup(grpc.aio.AioRpcError)
        if calls is None:
            raise
        raise explained(calls, address) from group


def explained(group: BaseExceptionGroup[grpc.aio.AioRpcError], address: str) -> Failure:
    """Explain the first of several failed calls."""
    return failure(_first(group), address)


def _first(group: BaseExceptionGroup[grpc.aio.AioRpcError]) -> grpc.aio.AioRpcError:
    found = group.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found
