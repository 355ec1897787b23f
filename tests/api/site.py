"""A conductor and a Mistral, and how to look at both."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keystoneauth1.session import Session
from mistralclient.api import client as mistral_client

from tests.api.conductors import OF_MISTRAL
from tests.support.deployments.conductors import Client, conductor_at
from tests.support.mistral.mistrals import RunningMistral, running_mistral
from tests.support.timing.waiting import until
from vimesh.v1 import vim_pb2

PATIENCE_S = 25
Holds = Callable[[vim_pb2.Vim], bool]


@dataclass
class Site:
    """Conductor and Mistral; the api processes are the tests'."""

    folder: Path
    client: Client
    mistral: RunningMistral

    def __post_init__(self) -> None:
        self.workflows: Any = mistral_client.client(
            mistral_url=self.mistral.url, session=Session(timeout=20), enforce_raw_definitions=True
        )

    async def until(self, vim_id: str, holds: Holds) -> vim_pb2.Vim:
        return await until_vim(self.client, vim_id, holds)

    async def until_empty(self) -> None:
        await until(lambda: not self.left(), PATIENCE_S)

    def left(self) -> list[str]:
        found = [*self.workflows.workflows.list(name="has:vim_id_"), *self.workflows.executions.list()]
        return [each.id for each in found]

    def executions(self) -> dict[str, str]:
        return {execution.id: execution.state for execution in self.workflows.executions.list()}


async def until_vim(client: Client, vim_id: str, holds: Holds) -> vim_pb2.Vim:
    """Wait until a VIM is as wanted."""
    return await client.until(vim_id, holds, PATIENCE_S)


@asynccontextmanager
async def site_in(folder: Path) -> AsyncGenerator[Site]:
    async with (
        conductor_at(folder / "vimesh.sqlite", OF_MISTRAL) as client,
        running_mistral(folder, {"VIMESH_ADDRESS": client.address}) as mistral,
    ):
        yield Site(folder, client, mistral)
