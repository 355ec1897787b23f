"""The api process: drives the workflow engine until it is stopped."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import SystemRandom

import structlog

from vimesh.api.errand import Errands
from vimesh.api.steward import Steward, StewardLimits
from vimesh.engine.mistral import mistral_engine
from vimesh.engine.mistral_access import MistralAccess
from vimesh.rpc.channels import channel
from vimesh.v1.workflow_service_pb2_grpc import WorkflowServiceStub

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ApiSettings:
    address: str
    """Where the front of the mesh is: `host:port`."""
    mistral: MistralAccess
    steward: StewardLimits = field(default_factory=StewardLimits)
    grace_s: float = 1.5
    """How long tasks under way may take when the process is to stop. What is not done by then is done by another one,
    when its lease has ended."""


async def run_api(settings: ApiSettings, stopped: Callable[[], Awaitable[object]]) -> None:
    """Work until `stopped` returns. Waits for a front and a Mistral that are away."""
    async with channel(settings.address) as front, mistral_engine(settings.mistral) as engine:
        steward = Steward(
            WorkflowServiceStub(front),
            Errands(engine),
            claimant=f"{socket.gethostname()}:{os.getpid()}",
            random=SystemRandom(),
            clock=time.monotonic,
            limits=settings.steward,
        )
        _log.info("api started", address=settings.address, mistral=settings.mistral.place)
        async with asyncio.TaskGroup() as parts:
            working = parts.create_task(steward.run())
            await stopped()
            steward.stop()
            await asyncio.wait({working}, timeout=settings.grace_s)
            working.cancel()
