from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from grpc import aio

from tests.envoy.scripted import Scripted, scripted
from tests.support.deployments.envoys import RunningEnvoy, running_envoy


@pytest.fixture
async def first() -> AsyncGenerator[Scripted]:
    async with scripted() as conductor:
        yield conductor


@pytest.fixture
async def second() -> AsyncGenerator[Scripted]:
    async with scripted() as conductor:
        yield conductor


@pytest.fixture
async def envoy(first: Scripted, second: Scripted) -> AsyncGenerator[RunningEnvoy]:
    """An Envoy in front of two conductors that are both in use."""
    async with running_envoy([first.address, second.address]) as running:
        await running.until_healthy([first.address, second.address])
        yield running


@pytest.fixture
async def channel(envoy: RunningEnvoy) -> AsyncGenerator[aio.Channel]:
    async with aio.insecure_channel(envoy.address) as opened:
        yield opened
