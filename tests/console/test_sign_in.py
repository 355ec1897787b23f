"""People sign in to the console at a real issuer, and see what their roles are for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.console.console_walk import BUNDLE
from tests.support.callers.browser import Browser, Tab, running_browser
from tests.support.callers.chromium import chromium
from tests.support.clouds.targets import free_port
from tests.support.deployments.console_doors import served
from tests.support.issuers.oidc_provider import running_issuer
from tests.support.issuers.people import people_site
from vimesh.console.console_app import SignIn, console_app

BINARY = chromium()

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(BINARY is None, reason="no Chromium is installed here"),
    pytest.mark.skipif(not (BUNDLE / "index.html").exists(), reason="`make console` makes what is tested here"),
]


@pytest.fixture
async def url(tmp_path: Path) -> AsyncGenerator[str]:
    """Run a secured front with a console whose people have an issuer."""
    port = free_port()
    page = f"https://localhost:{port}/console/"
    async with (
        running_issuer(tmp_path / "issuer", page=page, with_devices=False) as issuer,
        served(console_app(SignIn(issuer.url, "vimesh-console"))) as door,
        people_site(tmp_path, issuer, console=[door], port=port),
    ):
        yield page


async def test_people_sign_in_at_their_issuer_and_see_what_their_roles_allow(url: str, tmp_path: Path) -> None:
    assert BINARY is not None
    with running_browser(BINARY, tmp_path) as browser:
        # What serves the page is in this process: the browser is driven beside its loop.
        await asyncio.to_thread(_walk, browser, url)


def _walk(browser: Browser, url: str) -> None:
    reader = _signed_in(browser, f"{url}#/fleet", "rob")
    # The page is the one that was asked for before.
    reader.until("document.querySelector('main[data-path=\"/fleet\"] h1')")
    reader.click("nav a", "Overview")
    reader.until_text("#rob (reader)", "There are no VIMs yet.")
    assert "Register" not in reader.text()
    reader.go(f"{url}#/register")
    reader.until_text("Your roles do not include this.")
    # The code has left the address, and no token is anywhere that outlives the page.
    assert reader.look("location.search") == ""
    assert "eyJ" not in reader.look("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    spoilt = "sent.headers.set('authorization', 'Bearer a.b.c')"
    reader.look(f"window.fetch = (before => (url, sent) => ({spoilt}, before(url, sent)))(window.fetch); 0")
    reader.go(f"{url}#/fleet")
    reader.until_text("The fleet no longer takes your token")
    assert "#rob" not in reader.text()
    reader.call("Page.reload")
    reader.until_text("This fleet wants to know who calls.")
    reader.type("input[type=password]", "forged.bearer.token")
    reader.click("form button", "Sign in")
    reader.until_text("(TOKEN_INVALID)")

    operator = _signed_in(browser, url, "olga")
    operator.until_text("#olga (operator)", "Register the first one")
    operator.click("footer button", "Sign out")
    operator.until_text("This fleet wants to know who calls.")
    for tab in (reader, operator):
        # What the browser says of an answer with 401 is no fault of the page.
        assert [fault for fault in tab.faults if "Content Security" in fault] == []


def _signed_in(browser: Browser, url: str, who: str) -> Tab:
    tab = browser.tab(url, any_certificate=True)
    tab.click("main button", "Sign in at the issuer")
    tab.type("[name=login]", who)
    tab.type("[name=password]", "any")
    tab.click("button[type=submit]")
    tab.until_text("Authorize")
    tab.click("button[type=submit]")
    return tab
