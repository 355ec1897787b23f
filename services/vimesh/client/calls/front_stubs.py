"""Connects to a front: one channel, with a stub for each service, and calls with a time limit."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from google.protobuf.message import Message

from vimesh.client.calls.refused_tokens import with_renewed_token
from vimesh.client.credentials.keep_login import valid_login
from vimesh.rpc.channels import channel
from vimesh.rpc.renewing_channel import CredentialSource

if TYPE_CHECKING:
    import grpc

    from vimesh.client.calls.front_calls import FrontCalls

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


class Front:
    """Each stub is imported when it is first used: most commands need one, and all take a fifth of a short command."""

    def __init__(
        self, address: str, channel: grpc.aio.Channel, timeout_s: float, calls: FrontCalls | None = None
    ) -> None:
        """`calls`: what repeats calls; None: each is made once."""
        self.address = address
        self.timeout_s = timeout_s
        """Time limit of one call."""
        self.calls = calls
        self._channel = channel

    @cached_property
    def vims(self) -> VimServiceAsyncStub:
        from vimesh.v1.vim_service_pb2_grpc import VimServiceStub  # noqa: PLC0415 - see above

        return VimServiceStub(self._channel)

    @cached_property
    def access(self) -> AccessServiceAsyncStub:
        from vimesh.v1.access_service_pb2_grpc import AccessServiceStub  # noqa: PLC0415 - see above

        return AccessServiceStub(self._channel)

    @cached_property
    def fleet(self) -> FleetServiceAsyncStub:
        from vimesh.v1.fleet_service_pb2_grpc import FleetServiceStub  # noqa: PLC0415 - see above

        return FleetServiceStub(self._channel)

    @cached_property
    def history(self) -> HistoryServiceAsyncStub:
        from vimesh.v1.history_service_pb2_grpc import HistoryServiceStub  # noqa: PLC0415 - see above

        return HistoryServiceStub(self._channel)

    @cached_property
    def availability(self) -> AvailabilityServiceAsyncStub:
        from vimesh.v1.availability_service_pb2_grpc import AvailabilityServiceStub  # noqa: PLC0415 - see above

        return AvailabilityServiceStub(self._channel)

    @cached_property
    def maintenance(self) -> MaintenanceServiceAsyncStub:
        from vimesh.v1.maintenance_service_pb2_grpc import MaintenanceServiceStub  # noqa: PLC0415 - see above

        return MaintenanceServiceStub(self._channel)

    @cached_property
    def receivers(self) -> ReceiverServiceAsyncStub:
        from vimesh.v1.receiver_service_pb2_grpc import ReceiverServiceStub  # noqa: PLC0415 - see above

        return ReceiverServiceStub(self._channel)

    @property
    def has_answered(self) -> bool:
        """Whether a call was ever answered, as far as that is noted: the address is right, then."""
        return self.calls is not None and self.calls.retrying.has_answered

    async def ask(self, method: grpc.aio.UnaryUnaryMultiCallable[_Request, _Answer], request: _Request) -> _Answer:
        """Make a call. Raises AioRpcError, which is a CallError if there is something that repeats calls."""
        if self.calls is None:
            return await with_renewed_token(method, lambda: method(request, timeout=self.timeout_s))
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
        yield Front(address, opened, timeout_s, calls)
