"""Links in answers are those that callers can use, whatever proxies have made of the address on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.support.callers.caller import ask
from tests.support.deployments.rest_doors import Door, door_to
from vimesh.api.rest.rest_app import ROOT

HTTPS = {"x-forwarded-proto": "https", "x-forwarded-host": "mesh.example", "x-forwarded-prefix": "/mesh"}


@pytest.fixture
async def door() -> AsyncGenerator[Door]:
    async with door_to("127.0.0.1:1") as opened:
        yield opened


async def self_links(door: Door, headers: dict[str, str]) -> list[str]:
    resources: Any = (await ask(door.address, "GET", f"{ROOT}/", headers={"host": "a:1", **headers})).json()[
        "resources"
    ]
    return [resource["links"][0]["href"] for resource in resources]


@pytest.mark.parametrize(
    ("headers", "begin"),
    [
        ({}, "http://a:1"),
        (HTTPS, "https://mesh.example/mesh"),
        ({**HTTPS, "x-forwarded-prefix": "/a/b-c/"}, "https://mesh.example/a/b-c"),
        ({**HTTPS, "x-forwarded-port": "8443"}, "https://mesh.example:8443/mesh"),
        ({**HTTPS, "x-forwarded-port": "443"}, "https://mesh.example/mesh"),
        (
            {**HTTPS, "x-forwarded-host": "mesh.example:8443", "x-forwarded-port": "443"},
            "https://mesh.example:8443/mesh",
        ),
        ({**HTTPS, "x-forwarded-host": "[2001:db8::1]"}, "https://[2001:db8::1]/mesh"),
        # What the last proxy says counts.
        ({"x-forwarded-host": "forged.example, mesh.example"}, "http://mesh.example"),
        # What could not be part of an address is left out.
        ({"x-forwarded-proto": "javascript"}, "http://a:1"),
        ({"x-forwarded-host": "a.example/evil?"}, "http://a:1"),
        ({"x-forwarded-host": "user@a.example"}, "http://a:1"),
        ({"x-forwarded-prefix": "//evil.example"}, "http://a:1"),
        ({"x-forwarded-prefix": "mesh"}, "http://a:1"),
        ({"x-forwarded-prefix": "/"}, "http://a:1"),
        ({"x-forwarded-prefix": "/a?b"}, "http://a:1"),
        ({"x-forwarded-host": "a.example", "x-forwarded-port": "x"}, "http://a.example"),
    ],
)
async def test_a_link_has_the_address_that_the_caller_used(door: Door, headers: dict[str, str], begin: str) -> None:
    assert await self_links(door, headers) == [f"{begin}/v1.0/vims", f"{begin}/v1.0/events"]
