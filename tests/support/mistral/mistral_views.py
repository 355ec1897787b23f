"""Reads the fleet's workflows from a Mistral, by python-mistralclient and by Mistral's command line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from mistralclient.api import client

from tests.support.mistral.mistrals import COMMAND
from vimesh.domain.actions import WORKFLOW_PREFIX

_COMMAND_S = 60
_OURS = f"has:{WORKFLOW_PREFIX}"


class MistralView:
    def __init__(self, url: str) -> None:
        self._url = url

    async def workflows(self) -> set[str]:
        """Return the names of the workflows."""
        return await asyncio.to_thread(lambda: {found.name for found in self._client().workflows.list(name=_OURS)})

    async def executions(self) -> dict[str, str]:
        """Return the states of the executions, by id."""
        return await asyncio.to_thread(lambda: {found.id: found.state for found in self._client().executions.list()})

    async def empty(self) -> bool:
        return not await self.workflows() and not await self.executions()

    async def command(self, *words: str) -> list[dict[str, Any]]:
        """Run `mistral WORDS`; return the rows of the table that it prints."""
        process = await asyncio.create_subprocess_exec(
            *(str(COMMAND), "--os-mistral-url", self._url, *words, "-f", "json"),
            env={},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), _COMMAND_S)
        assert process.returncode == 0, err.decode()
        rows: list[dict[str, Any]] = json.loads(out)
        return rows

    def _client(self) -> Any:  # noqa: ANN401 - mistralclient ships no types
        return client.client(mistral_url=self._url, enforce_raw_definitions=True)
