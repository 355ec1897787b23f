"""The console and status pages through the Envoy of a secured fleet: strangers read them, and nothing else."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.callers.commands import Command, Ended
from tests.support.callers.running import Fleet, fleet
from vimesh.files.certificate_files import CERTIFICATE, KEY, TRUSTED
from vimesh.v1.vim_service_pb2 import ListVimsRequest

pytestmark = pytest.mark.fleet

PAGES = """
pages:
  sites: {title: Our sites, label: site, names: {lost: Lost & found}, public: true}
  inside: {title: For us, label: site}
"""
HTML = {"accept": "text/html,application/xhtml+xml"}
LIMIT_S = 30
GRPC_WEB = "application/grpc-web+proto"
NO_HEADERS: Mapping[str, str] = {}


@dataclass(frozen=True)
class Site:
    up: Fleet

    def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        who: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> tuple[int, dict[str, str], str]:
        """Ask the front; `who`: folder of the certificate to show, below that of all; empty: a stranger's browser."""
        certificates = self.up.data_dir / "certs"
        tls = ssl.create_default_context(cafile=certificates / "trust" / TRUSTED)
        if who:
            tls.load_cert_chain(certificates / who / CERTIFICATE, certificates / who / KEY)
        connection = http.client.HTTPSConnection(self.up.address, timeout=LIMIT_S, context=tls)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return (
                answer.status,
                {name.lower(): text for name, text in answer.getheaders()},
                answer.read().decode(errors="replace"),
            )
        finally:
            connection.close()

    def list_vims(self, origin: str) -> tuple[int, str]:
        """Call as the console does."""
        message = ListVimsRequest(page_size=1).SerializeToString()
        status, headers, body = self.ask(
            *("/vimesh.v1.VimService/ListVims", "POST"),
            who="cli/admin.local",
            body=b"\0" + len(message).to_bytes(4) + message,
            headers={"content-type": GRPC_WEB, "x-grpc-web": "1", "origin": origin},
        )
        return status, headers.get("grpc-status", "") or body[-40:]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    folder = tmp_path_factory.mktemp("console")
    pages = folder / "pages.yaml"
    pages.write_text(PAGES)
    with fleet(folder, "--secured", "--conductors", "1", VIMESH_CONSOLE_STATUS_PAGES=str(pages)) as up:
        yield Site(up)


@pytest.fixture
def user(site: Site, tmp_path: Path) -> Command:
    return Command(tmp_path, {"VIMESH_ADDRESS": site.up.address, "VIMESH_UP_DATA_DIR": str(site.up.data_dir)})


def test_the_fleet_says_where_its_console_is_and_strangers_may_read_it(site: Site) -> None:
    status, headers, body = site.ask("/console/config.json")
    index, index_headers, page = site.ask("/console/")

    assert f"  Console: https://{site.up.address}/console/" in site.up.lines
    assert (status, json.loads(body)["oidc"], headers["cache-control"]) == (200, None, "no-store")
    assert index == (503 if "make console" in page else 200)
    assert "script-src 'self'" in index_headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "method", "who", "headers", "status"),
    [
        ("/", "GET", "", HTML, 302),
        ("/console", "GET", "", HTML, 302),
        ("/", "GET", "", {}, 401),
        ("/", "GET", "cli/admin.local", {}, 404),
        ("/console/../v1/vims", "GET", "", HTML, 401),
        ("/console/%2e%2e/v1/vims", "GET", "", HTML, 401),
        ("/console/", "POST", "", HTML, 401),
        ("/console/", "POST", "cli/admin.local", HTML, 405),
        ("/console/assets/none.js", "GET", "", HTML, 404),
        ("/consoles", "GET", "", HTML, 401),
        ("/v1/vims", "GET", "", HTML, 401),
    ],
)
def test_a_stranger_reads_pages_and_nothing_else(
    *, site: Site, path: str, method: str, who: str, headers: dict[str, str], status: int
) -> None:
    got, answered, _ = site.ask(path, method, who=who, headers=headers)

    assert got == status
    if status == 302:
        assert answered["location"] == "console/"


def test_a_request_for_a_page_brings_nothing_along(site: Site) -> None:
    assert site.ask("/console/config.json", body=b"x" * 2000)[0] == 413


def test_a_status_page_follows_the_fleet(site: Site, user: Command) -> None:
    registered = user(
        *("vim", "register", "--name", "a", "--label", "site=lost", "--wait", "UNREACHABLE"),
        *("--auth-url", "http://127.0.0.1:9/v3"),
    )
    status, headers, page = site.ask("/status/sites")
    badge = site.ask("/status/sites/lost/badge.svg")

    assert registered.code == 0, registered.err
    assert (status, headers["cache-control"]) == (200, "public, max-age=10")
    assert "<h2>Lost &amp; found</h2>" in page
    assert '<p class="state unreachable">unreachable</p>' in page
    assert (badge[0], badge[1]["content-type"]) == (200, "image/svg+xml")
    assert "Lost &amp; found: unreachable" in site.ask("/status/sites/feed.atom")[2] or "unreachable for" in page


def test_a_page_that_is_not_public_is_for_those_with_a_role(site: Site) -> None:
    forged = {"x-vimesh-identity": "me", "x-vimesh-roles": "admin", "x-vimesh-projects": "*"}

    assert site.ask("/status/inside")[0] == 404
    assert site.ask("/status/inside", headers=forged)[0] == 404
    assert site.ask("/status/inside", who="monitor/local")[0] == 404
    assert site.ask("/status/inside", who="cli/admin.local")[0] == 200


def test_the_console_is_a_part_of_the_fleet_that_may_do_little(site: Site, tmp_path: Path, user: Command) -> None:
    processes = user("status", "-o", "json").json["processes"]
    itself = Command(
        tmp_path,
        {"VIMESH_ADDRESS": site.up.address, "VIMESH_CREDENTIALS": str(site.up.data_dir / "certs/console/local")},
    )

    def denied(*words: str) -> bool:
        done: Ended = itself(*words)
        return done.code != 0 and "no role of the caller allows this call" in done.err

    [console] = [one for one in processes if one["kind"] == "CONSOLE"]
    assert console["identity"] == "spiffe://vimesh/console/local"
    assert console["facts"]["status_pages"] == "2"
    assert denied("vim", "list")
    assert denied("vim", "events")
    assert denied("vim", "register", "--name", "b", "--type", "openstack", "--auth-url", "http://192.0.2.1/v3")
    assert itself("availability", "--by", "labels.site").code == 0


def test_the_page_of_the_console_may_call_the_front_and_others_may_not(site: Site) -> None:
    port = site.up.address.rpartition(":")[2]

    assert site.list_vims(f"https://localhost:{port}")[0] == 200
    assert site.list_vims(f"https://{site.up.address}")[0] == 200
    assert site.list_vims(f"http://{site.up.address}") != site.list_vims(f"https://{site.up.address}")
    refused = site.list_vims("https://evil.example")
    assert refused[1] == "7" or refused[0] == 403
