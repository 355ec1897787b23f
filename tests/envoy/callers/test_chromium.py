"""A page of another origin in a real browser: served if its origin is listed, and harmless if it is not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.envoy.scripted import Scripted
from tests.support.callers.chromium import Page, chromium, script
from tests.support.deployments.envoys import running_envoy
from vimesh.envoy.fleet.front_fleet import FrontFleet

SCRIPT = Path(__file__).with_name("page.js")
BROWSER = chromium()
UNHEARD = {"text": "opaque", "beacon": "true"}

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed here")


async def told(conductor: Scripted, *, listed: bool) -> Any:  # noqa: ANN401 - what JSON holds
    """Return what a page saw of a front that lists its origin, or does not."""
    assert BROWSER is not None
    page: Page | None = None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert page is not None
        await page.serve(reader, writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        like = FrontFleet((), origins=(f"http://{address}" if listed else "https://console.example",))
        async with running_envoy([conductor.address], like=like) as envoy:
            await envoy.until_healthy([conductor.address])
            page = Page(script(SCRIPT, front=f"http://{envoy.address}"))
            return await page.told(BROWSER, address)


async def test_a_page_of_a_listed_origin_is_served_in_a_browser(first: Scripted) -> None:
    seen = await told(first, listed=True)

    assert seen == {
        "grpc_web": "0",
        "grpc_web_error": "5 true",
        "json_read": "some",
        "json_error": "5",
        # The scripted conductor does not know the call: it has come through.
        "json_change": "501",
        "json_delete": "200",
        **UNHEARD,
    }
    assert first.calls == ["some", "VIM_NOT_FOUND", "some", "VIM_NOT_FOUND", "gone"]


async def test_a_page_of_another_origin_reads_and_changes_nothing_in_a_browser(first: Scripted) -> None:
    seen = await told(first, listed=False)

    refused = ("grpc_web", "grpc_web_error", "json_read", "json_error", "json_change", "json_delete")
    assert seen == {**dict.fromkeys(refused, "TypeError"), **UNHEARD}
    # What it asked for without being allowed to read it: a GET without headers of its own.
    assert first.calls == ["VIM_NOT_FOUND"]
