from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.clouds.targets import FakeApi, fake_api, free_port
from tests.support.mistral.executors import Executor
from tests.support.mistral.mistrals import running_mistral
from tests.support.mistral.workflows import Workflows


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def executor(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Executor]:
    port = free_port()
    folder: Path = tmp_path_factory.mktemp("mistral")
    async with running_mistral(folder, {"VIMESH_ADDRESS": f"127.0.0.1:{port}"}) as mistral:
        yield Executor(mistral, Workflows(mistral.url), port)


@pytest_asyncio.fixture(loop_scope="module")
async def api() -> AsyncGenerator[FakeApi]:
    async with fake_api() as made:
        yield made
