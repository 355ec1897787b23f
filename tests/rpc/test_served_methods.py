"""A call costs the same, however many methods a conductor serves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.support.deployments.conductors import conductor_at


async def test_gRPC_waits_for_the_next_call_of_all_methods_at_once(  # noqa: N802 - its name
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    wait = asyncio.wait

    async def counted(futures: Iterable[asyncio.Future[Any]], **options: Any) -> Any:  # noqa: ANN401 - as asyncio has it
        sizes.append(len(awaited := list(futures)))
        return await wait(awaited, **options)

    monkeypatch.setattr(asyncio, "wait", counted)
    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        await client.get((await client.register()).id)

    assert sizes, "gRPC waits in another way now: see GuardedServer.add_registered_method_handlers"
    assert max(sizes) == 1
