"""What browsers are sent of the application: its files, their caching and policy, and what it has to know."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import AsyncGenerator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.callers.caller import Answer, ask
from tests.support.deployments.console_doors import served
from vimesh.console.console_app import SignIn, console_app

SCRIPT = "console.log('vimesh');\n" * 100
SIGN_IN = SignIn(
    "https://idp.example:8443/realms/nfv", "vimesh-console", ("openid", "email"), ("https://tokens.example",)
)
SECURE = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!DOCTYPE html><title>first</title>")
    (folder / "assets" / "app-1a2b.js").write_text(SCRIPT)
    (folder / "assets" / "app-1a2b.js.map").write_text("{}")
    return folder


@pytest.fixture
async def door(bundle: Path) -> AsyncGenerator[str]:
    async with served(console_app(SIGN_IN, (), bundle)) as address:
        yield address


async def get(door: str, path: str, **headers: str) -> Answer:
    return await ask(door, "GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_the_index_is_asked_for_again_and_answered_with_304_if_it_is_the_same(door: str) -> None:
    first = await get(door, "/console/")
    again = await get(door, "/console/", if_none_match=f'W/"other", {first.headers["etag"]}')
    other = await get(door, "/console/", if_none_match='W/"other"')

    assert (first.status, first.body) == (200, b"<!DOCTYPE html><title>first</title>")
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert other.status == 200


async def test_a_file_with_a_hash_in_its_name_is_kept_for_good_and_sent_compressed(door: str) -> None:
    plain = await get(door, "/console/assets/app-1a2b.js")
    small = await get(door, "/console/assets/app-1a2b.js", accept_encoding="br, gzip;q=0.5")
    refused = await get(door, "/console/assets/app-1a2b.js", accept_encoding="gzip;q=0.0, identity")

    assert plain.body == SCRIPT.encode() == gzip.decompress(small.body) == refused.body
    assert (small.headers["content-encoding"], small.headers["vary"]) == ("gzip", "accept-encoding")
    assert len(small.body) < len(plain.body) / 10
    for answer in (plain, small):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_a_page_may_load_only_what_is_its_own_and_ask_only_the_front_and_the_issuer(door: str) -> None:
    answer = await get(door, "/console/")

    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self' https://idp.example:8443 https://tokens.example; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    assert SECURE.items() <= answer.headers.items()


async def test_head_says_what_get_would(door: str) -> None:
    seen, read = await ask(door, "HEAD", "/console/"), await get(door, "/console/")

    assert seen.body == b""
    assert {**seen.headers, "date": ""} == {**read.headers, "date": ""}


async def test_the_application_is_told_how_people_sign_in(door: str, bundle: Path) -> None:
    answer = await get(door, "/console/config.json")
    async with served(console_app(None, (), bundle)) as address:
        without = await get(address, "/console/config.json")

    oidc = {"issuer": SIGN_IN.issuer, "client_id": "vimesh-console", "scopes": ["openid", "email"]}
    assert answer.json() == {"version": version("vimesh"), "oidc": oidc}
    assert answer.headers["cache-control"] == "no-store"
    assert without.json() == {"version": version("vimesh"), "oidc": None}


@pytest.mark.parametrize("path", ["/", "/console"])
async def test_whoever_types_less_is_led_to_the_console_behind_any_prefix(door: str, path: str) -> None:
    answer = await get(door, path)

    assert (answer.status, answer.headers["location"]) == (302, "console/")


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/app-1a2b.js.map",
        "/console/assets/../index.html",
        "/console/assets/%2e%2e/index.html",
        "/console/assets/..%2findex.html",
        "/console/assets/",
        "/console/index.html/",
        "/console/vims",
        "/status/any",
        "/etc/passwd",
    ],
)
async def test_nothing_else_is_served(door: str, path: str) -> None:
    await get(door, "/console/")

    answer = await get(door, path)

    assert (answer.status, answer.body) == (404, b"no such page\n")
    assert SECURE.items() <= answer.headers.items()


async def test_pages_are_only_read(door: str) -> None:
    assert (await ask(door, "POST", "/console/", "x")).status == 405


async def test_a_new_build_is_served_without_a_restart(door: str, bundle: Path) -> None:
    await get(door, "/console/")
    (bundle / "assets" / "app-1a2b.js").unlink()
    (bundle / "assets" / "app-3c4d.css").write_text("a{}")
    (bundle / "index.html").write_text("<!DOCTYPE html><title>second</title>")
    os.utime(bundle / "index.html", ns=(1, 1))

    index = await get(door, "/console/")

    assert b"second" in index.body
    assert (await get(door, "/console/assets/app-3c4d.css")).headers["content-type"] == "text/css; charset=utf-8"
    assert (await get(door, "/console/assets/app-1a2b.js")).status == 404


async def test_without_a_build_the_page_says_how_to_make_it(tmp_path: Path) -> None:
    async with served(console_app(None, (), tmp_path / "nothing")) as door:
        answer = await get(door, "/console/")
        config = await get(door, "/console/config.json")

    assert (answer.status, answer.headers["cache-control"]) == (503, "no-store")
    assert b"make console" in answer.body
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert json.loads(config.body)["oidc"] is None


async def test_what_is_too_large_is_not_served(bundle: Path) -> None:
    (bundle / "assets" / "large.js").write_bytes(b" " * (4 * 1024 * 1024 + 1))
    for number in range(70):
        (bundle / "assets" / f"z-{number:02}.css").write_text("a{}")

    async with served(console_app(None, (), bundle)) as door:
        assert (await get(door, "/console/")).status == 200
        found = [(await get(door, f"/console/assets/z-{number:02}.css")).status for number in range(70)]
        large = await get(door, "/console/assets/large.js")

    assert large.status == 404
    assert found.count(200) == 61  # with the index, the script and the large one: 64
