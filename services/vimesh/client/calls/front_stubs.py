"""Connects to a front: one channel, with a stub for each service, and calls with a time limit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import Message

from vimesh.client.calls.front_calls import FrontCalls
from vimesh.client.credentials.keep_login import valid_login
from vimesh.rpc.channels import channel
from vimesh.rpc.renewing_channel import CredentialSource
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


_Request = TypeVar("_Request", bound=Message)
_Answer = TypeVar("_Answer", bound=Message)


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
    calls: FrontCalls | None = None
    """What repeats calls; None: each is made once."""

    @property
    def has_answered(self) -> bool:
        """Whether a call was ever answered, as far as that is noted: the address is right, then."""
        return self.calls is not None and self.calls.retrying.has_answered

    async def ask(self, method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Answer], request: _Request) -> _Answer:
        """Make a call. Raises AioRpcError, which is a CallError if there is something that repeats calls."""
        if self.calls is None:
            return await method(request, timeout=self.timeout_s)
        return await self.calls.ask(method, request)


@asynccontextmanager
async def connected(
    address: str,
    timeout_s: float,
    credentials: Path | CredentialSource | None = None,
    *,
    warn: Callable[[str], object] = lambda _: None,
    calls: FrontCalls | None = None,
) -> AsyncGenerator[Front]:
    """Open a channel for the block.

    `warn` is called if a login cannot be renewed while the block runs. Raises BadSetting if the credentials cannot be
    used, LoginFailed if they are a login that has ended.
    """
    folder = credentials if isinstance(credentials, Path) else None
    async with valid_login(folder, warn), channel(address, credentials) as opened:
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
            calls,
        )
