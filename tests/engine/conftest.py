from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.engine.world import World
from tests.support.deployments.scripted_conductor import ScriptedConductor, serving
from tests.support.mistral.mistrals import running_mistral
from vimesh.engine.mistral_access import MistralAccess
from vimesh.engine.mistral_engine import MistralEngine, mistral_engine


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """Give a real Mistral for tests that make VIMs of their own."""
    conductor = ScriptedConductor()
    folder = tmp_path_factory.mktemp("mistral")
    async with (
        serving(conductor) as port,
        running_mistral(folder, {"VIMESH_ADDRESS": f"127.0.0.1:{port}"}) as mistral,
    ):
        yield World(mistral, conductor)


@pytest_asyncio.fixture(loop_scope="session")
async def engine(world: World) -> AsyncGenerator[MistralEngine]:
    async with mistral_engine(MistralAccess(world.mistral.url)) as made:
        yield made
