"""Makes the pictures of the console in docs/using/console, of a real fleet in a real Chromium.

Usage: `python -m tests.console.make_pictures`, after `make console`. It takes six minutes, because VIMs need a history.
Look at what it has made.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice, product
from pathlib import Path
from random import Random
from typing import Final

from tests.console.console_walk import BUNDLE, ROOT, Reporter, page, reporter_at
from tests.support.callers.browser import Browser, running_browser
from tests.support.callers.chromium import chromium
from tests.support.callers.commands import Command
from tests.support.callers.running import Fleet, fleet
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.history_service_pb2 import ListSamplesRequest

FOLDER: Final = ROOT / "docs/using/console"
_WIDTH: Final = 1200
_NARROW: Final = 390
_MAX_HEIGHT: Final = 1400
_SITES: Final = {
    "eu": ("porto", "turin", "lyon", "gdansk", "malmo", "graz"),
    "us": ("boise", "tulsa", "akron", "provo"),
    "asia": ("hue", "cebu", "kobe", "pune", "daegu"),
}
_PER_SITE: Final = 30
_DARK_SITE: Final = "lyon"
_HISTORY_MINUTES: Final = 5
_LIMIT_S: Final = 420.0


class _Clouds(BaseHTTPRequestHandler):
    """Answers as Keystones do, as far as a probe looks; those of `/bad` as a balancer without one."""

    def do_GET(self) -> None:
        self.send_response(503 if self.path.startswith("/bad") else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of probes that did not wait for an answer."""


@contextmanager
def _clouds() -> Generator[str]:
    with _Server(("127.0.0.1", 0), _Clouds) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


def _vims(url: str) -> Generator[vim_pb2.Vim]:
    """Yield the VIMs of all sites, of which one is dark and a few elsewhere are in trouble."""
    chance = Random(24)
    for region, sites in _SITES.items():
        for site, number in product(sites, range(1, _PER_SITE + 1)):
            auth_url = f"{url}/{site}/{number}/v3"
            if site == _DARK_SITE:
                auth_url = f"http://127.0.0.1:1/{number}/v3"  # where nobody listens
            elif chance.random() < 0.03:
                auth_url = f"{url}/bad/{site}/{number}/v3"
            elif chance.random() < 0.02:
                auth_url = f"http://{site}-{number}.invalid:5000/v3"
            labels = {"region": region, "site": site}
            yield vim_pb2.Vim(name=f"{site}-{number}", type="openstack", auth_url=auth_url, labels=labels)


def _fill(running: Fleet, reporter: Reporter, url: str, command: Command) -> str:
    """Give the fleet VIMs, windows and receivers. Return the id of a VIM that can be reached."""
    requests = [pb.RegisterVimRequest(vim=vim) for vim in _vims(url)]
    results = reporter.vims.RegisterVims(pb.RegisterVimsRequest(requests=requests), timeout=60).results
    site = ("-l", f"site={_DARK_SITE}")
    weekly = ("--rrule", "FREQ=WEEKLY;BYDAY=SU", "--for", "4h")
    for arguments in (
        ("maintenance", "create", *site, "--reason", "power supply", "--for", "2h"),
        ("maintenance", "create", "-l", "region=us", "--reason", "upgrade", *weekly),
        ("receiver", "create", "alertmanager", "--alertmanager", "http://127.0.0.1:9093"),
        ("receiver", "create", "orchestrator", "--cloud-events", "http://127.0.0.1:9099/events", *site),
    ):
        ended = command(*arguments, "--address", running.address)
        assert ended.code == 0, ended.err
    return results[0].registered.vim_id


def _await_history(reporter: Reporter, vim_id: str) -> None:
    """Wait until the history of a VIM has some minutes."""
    deadline = time.monotonic() + _LIMIT_S
    while len(reporter.history.ListSamples(ListSamplesRequest(vim_id=vim_id), timeout=20).samples) < _HISTORY_MINUTES:
        assert time.monotonic() < deadline, "no history"
        time.sleep(5)


def _walk(running: Fleet, browser: Browser, vim_id: str) -> None:
    is_live = "document.querySelector('.state.live') && !document.body.innerText.includes('Loading')"
    pages = {
        "overview": ("/", f"{is_live} && document.querySelector('[data-cause]')"),
        "vims": ("/vims?filter=status%20!%3D%20REACHABLE", "document.querySelectorAll('tr[data-vim]').length > 9"),
        "vim": (f"/vims/{vim_id}", "document.querySelector('.uplot')"),
        "causes": ("/causes", f"{is_live} && document.querySelector('tr[data-cause]')"),
        "register": ("/register", "document.querySelector('form')"),
        "fleet": ("/fleet", "document.querySelectorAll('tbody tr').length > 5"),
        "maintenance": ("/maintenance", "document.querySelectorAll('tbody tr').length > 1"),
        "receivers": ("/receivers", "document.querySelectorAll('tbody tr').length > 1"),
    }
    for theme, width in (("light", _WIDTH), ("dark", _WIDTH), ("narrow", _NARROW)):
        for name, (path, is_drawn) in islice(pages.items(), 3 if theme == "narrow" else None):
            tab = browser.tab(page(running, path), dark=theme == "dark", width=width)
            tab.until(is_drawn, within_s=_LIMIT_S)
            tab.picture(FOLDER / f"{name}-{theme}.webp", _MAX_HEIGHT)
            assert tab.faults == [], tab.faults
            tab.close()


def main() -> None:
    if (binary := chromium()) is None or not (BUNDLE / "index.html").exists():
        sys.exit("make_pictures: needs Chromium, and what `make console` makes")
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with _clouds() as url, fleet(folder) as running, reporter_at(running.address) as reporter:
            vim_id = _fill(running, reporter, url, Command(folder))
            _await_history(reporter, vim_id)
            with running_browser(binary, folder) as browser:
                _walk(running, browser, vim_id)
    print(*sorted(FOLDER.glob("*.webp")), sep="\n")


if __name__ == "__main__":
    main()
