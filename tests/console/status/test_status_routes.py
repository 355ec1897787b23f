"""Status pages over a real conductor: what they say, to whom, and what they say when the fleet cannot be asked."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import xml.etree.ElementTree as ET
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from google.protobuf.duration_pb2 import Duration

from tests.support.callers.caller import Answer, ask
from tests.support.deployments.conductors import Client, conductor_at
from tests.support.deployments.console_doors import served
from vimesh.console.console_app import console_app
from vimesh.console.status.fleet_answers import FleetAnswers
from vimesh.console.status.pages_file import StatusPage
from vimesh.console.status.render_page import PageView, PageWriter
from vimesh.console.status.status_board import StatusBoard
from vimesh.console.status.status_routes import status_routes
from vimesh.rpc.channels import channel
from vimesh.runtime.task_crew import crew
from vimesh.v1.maintenance_service_pb2 import CreateMaintenanceWindowRequest, MaintenanceWindow
from vimesh.v1.vim_pb2 import Vim

MARKUP = """<script>alert("1")</script>'&"""
ATOM = "{http://www.w3.org/2005/Atom}"
SVG = "{http://www.w3.org/2000/svg}"
_PATIENCE_S = 30.0
"""As long as asking for the days may take: these tests are about what pages show with them."""
SITES = StatusPage(
    *("sites", MARKUP, "site"),
    project="core",
    filter="labels.tier = gold OR labels.tier = silver",
    names={"berlin": f"Berlin {MARKUP}"},
    public=True,
)
INSIDE = StatusPage("inside", "All of us", "site", project="core")
EMPTY = StatusPage("empty", "Nothing", "nothing", public=True)
PAGES = {**{page.name: page for page in (SITES, INSIDE, EMPTY)}, "twin": dataclasses.replace(SITES, fleet="eu")}


@dataclass
class Clock:
    """What a console reads the time from."""

    passed_s: float = 0.0
    began: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))

    def now(self) -> dt.datetime:
        return self.began + dt.timedelta(seconds=self.passed_s)

    def clock(self) -> float:
        return self.passed_s


@dataclass
class Site:
    door: str
    clock: Clock

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        return await ask(self.door, "GET", f"/status/{path}", headers=headers)


@asynccontextmanager
async def site_at(
    conductor: str, *, asks_callers: bool = False, writer: PageWriter | None = None
) -> AsyncGenerator[Site]:
    clock = Clock()
    async with channel(conductor) as front, crew() as tasks:
        # The last day does not change with this clock: conductors count by days of the real time.
        answers = FleetAnswers(front, lambda: clock.began)
        boards = {
            name: StatusBoard(
                *(page, answers, writer or PageWriter(), tasks),
                now=clock.now,
                clock=clock.clock,
                days_wait_s=_PATIENCE_S,
            )
            for name, page in PAGES.items()
        }
        async with served(console_app(None, status_routes(boards, asks_callers=asks_callers))) as door:
            yield Site(door, clock)


async def register(client: Client, site: str, status: Vim.Status.ValueType | None, **fields: object) -> Vim:
    labels = {"site": site, "tier": "gold"}
    vim = await client.register(
        **{
            "name": f"secret-name-{site}",
            "auth_url": "http://192.0.2.77/v3",
            "project_id": "core",
            "labels": labels,
            **fields,
        }
    )
    if status is not None:
        await client.report(vim, status, reason="TIMEOUT", detail="no answer from 192.0.2.77")
    return vim


class Markup(HTMLParser):
    """Reads a page as browsers do."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())


async def test_a_page_says_how_each_line_is_and_nothing_of_the_vims(tmp_path: Path) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client, site_at(client.address) as site:
        await register(client, "berlin", Vim.REACHABLE, name="berlin-a")
        await register(client, "berlin", Vim.UNREACHABLE, name="berlin-b")
        paris = await register(client, "paris", Vim.REACHABLE)
        await register(client, "rome", None, labels={"site": "rome", "tier": "silver"})
        await register(client, "bronze", Vim.UNREACHABLE, labels={"site": "bronze", "tier": "bronze"})
        await register(client, "elsewhere", Vim.UNREACHABLE, project_id="other")
        await client.maintenance.CreateMaintenanceWindow(
            CreateMaintenanceWindowRequest(
                window=MaintenanceWindow(
                    vim_ids=[paris.id], reason=MARKUP, duration=Duration(seconds=3600), project_id="core"
                )
            ),
            timeout=30,
        )

        answer = await site.get("sites")
        again = await site.get("sites", {"if-none-match": answer.headers["etag"]})
        empty = await site.get("empty")

    text = answer.body.decode()
    words = Markup(text).words
    assert answer.status == 200
    assert words[words.index(MARKUP) :][:3] == [
        *(MARKUP, "1 of 3 degraded, 1 of 3 pending, 1 of 3 maintenance", f"Berlin {MARKUP}"),
    ]
    assert "1 of 2 unreachable" in words
    assert [word for word in words if word in {"degraded", "maintenance", "pending"}] == [
        *("degraded", "maintenance", "pending"),
    ]
    assert words.count("100.000 % in 90 days") == 1  # Paris, before its maintenance
    assert not re.search(r"secret-name|192\.0\.2|bronze|elsewhere|TIMEOUT|no answer", text)
    assert paris.id not in text
    assert again.status == 304
    assert "There is nothing to show yet." in empty.body.decode()


async def test_nothing_that_people_wrote_becomes_markup(tmp_path: Path) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client, site_at(client.address) as site:
        await register(client, "berlin", Vim.UNREACHABLE)
        page = await site.get("sites")
        badges = [await site.get("sites/badge.svg"), await site.get("sites/berlin/badge.svg")]
        feed = await site.get("sites/feed.atom")

    markup = Markup(page.body.decode())
    assert "script" not in markup.tags
    assert not [name for name in markup.attributes if name.startswith("on") or name == "style"]
    policy = page.headers["content-security-policy"]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]+'; img-src 'self'; "
        r"frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        policy,
    )
    for badge, label in zip(badges, (MARKUP, f"Berlin {MARKUP}"), strict=True):
        svg = ET.fromstring(badge.body)
        assert {element.tag for element in svg.iter()} == {
            f"{SVG}{tag}" for tag in ("svg", "title", "rect", "g", "text")
        }
        assert [text.text for text in svg.iter(f"{SVG}text")] == [label, "unreachable"]
        assert badge.headers["content-type"] == "image/svg+xml"
        assert badge.headers["cross-origin-resource-policy"] == "cross-origin"
    atom = ET.fromstring(feed.body)
    assert atom.findtext(f"{ATOM}title") == MARKUP
    [title] = [entry.findtext(f"{ATOM}title") or "" for entry in atom.findall(f"{ATOM}entry")]
    assert title == f"Berlin {MARKUP}: unreachable for 1 min"


async def test_an_item_of_the_feed_keeps_its_id_and_changes_its_date_with_its_text(tmp_path: Path) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client, site_at(client.address) as site:
        vim = await register(client, "berlin", Vim.UNREACHABLE)
        [first] = _entries(await site.get("sites/feed.atom"))
        [twin] = _entries(await site.get("twin/feed.atom"))
        site.clock.passed_s = 61
        [same] = _entries(await site.get("sites/feed.atom"))
        await client.report(vim, Vim.REACHABLE, observation=1)
        site.clock.passed_s = 122
        [changed] = _entries(await site.get("sites/feed.atom"))

    assert first["content"].endswith(" (UTC): unreachable for 1 min. Now unreachable.")
    assert same == first
    # A reader of both fleets has to tell them apart.
    assert (twin["id"] != first["id"], twin["content"]) == (True, first["content"])
    assert changed["id"] == first["id"]
    assert changed["content"].endswith(" (UTC): unreachable for 1 min. Now reachable.")


def _entries(feed: Answer) -> list[dict[str, str]]:
    assert feed.headers["content-type"] == "application/atom+xml; charset=utf-8"
    entries = ET.fromstring(feed.body).findall(f"{ATOM}entry")
    return [{part.tag.removeprefix(ATOM): part.text or "" for part in entry} for entry in entries]


async def test_a_fleet_that_never_answered_reads_unknown(tmp_path: Path) -> None:
    async with site_at(f"unix:{tmp_path}/nobody") as site:
        page = await site.get("sites")
        badge = await site.get("sites/badge.svg")
        of_line = await site.get("sites/berlin/badge.svg")
        feed = await site.get("sites/feed.atom")

    since = site.clock.began.strftime("%Y-%m-%d %H:%M:%S UTC")
    words = Markup(page.body.decode()).words
    assert words[words.index("The fleet could not be asked since") + 1] == since
    assert "unknown" in words
    assert b"unknown</text>" in badge.body
    assert b"unknown</text>" in of_line.body
    assert _entries(feed) == []


async def test_a_fleet_that_is_lost_reads_unknown_since_its_last_answer(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with conductor_at(tmp_path / "vimesh.sqlite") as client:
            site = await stack.enter_async_context(site_at(client.address))
            await register(client, "paris", Vim.REACHABLE)
            await site.get("sites")
        site.clock.passed_s = 59
        young = Markup((await site.get("sites")).body.decode()).words
        site.clock.passed_s = 61
        old = await site.get("sites")
        badge = await site.get("sites/paris/badge.svg")

    since = site.clock.began.strftime("%Y-%m-%d %H:%M:%S UTC")
    assert young.count("reachable") == 2  # the page, and its line
    words = Markup(old.body.decode()).words
    assert words[words.index("The fleet could not be asked since") + 1] == since
    assert words[words.index("paris") + 1] == "unknown"
    assert b"unknown</text>" in badge.body


@dataclass(frozen=True)
class Reader:
    roles: str | None = None
    projects: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        said = {"x-vimesh-roles": self.roles, "x-vimesh-projects": self.projects}
        return {name: value for name, value in said.items() if value is not None}


MAY_READ = {
    (Reader(), "sites"): 200,
    (Reader(), "inside"): 404,
    (Reader("reader", "core,other"), "inside"): 200,
    (Reader("admin", "*"), "inside"): 200,
    (Reader("reader", "other"), "inside"): 404,
    (Reader("reader"), "inside"): 404,
    (Reader("driver,reporter", "*"), "inside"): 404,
    (Reader("reader", "core"), "none"): 404,
}


async def test_a_page_that_is_not_public_exists_for_those_who_may_read_its_vims(tmp_path: Path) -> None:
    async with (
        conductor_at(tmp_path / "vimesh.sqlite") as client,
        site_at(client.address, asks_callers=True) as site,
    ):
        statuses = {
            (reader, page): {
                (await site.get(f"{page}{path}", reader.headers)).status for path in ("", "/feed.atom", "/badge.svg")
            }
            for reader, page in MAY_READ
        }
        public = await site.get("sites")
        private = await site.get("inside", Reader("admin", "*").headers)

    assert statuses == {each: {status} for each, status in MAY_READ.items()}
    assert public.headers["cache-control"] == "public, max-age=10"
    assert private.headers["cache-control"] == "private, max-age=10"


class CountingWriter(PageWriter):
    """Counts the pages that it writes."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = 0

    def page(self, view: PageView) -> bytes:
        self.pages += 1
        return super().page(view)


async def test_what_is_sent_is_made_once_for_all_readers(tmp_path: Path) -> None:
    writer = CountingWriter()
    async with conductor_at(tmp_path / "vimesh.sqlite") as client, site_at(client.address, writer=writer) as site:
        await register(client, "paris", Vim.REACHABLE)
        first = {(await site.get("sites")).body for _ in range(20)}
        before = writer.pages
        site.clock.passed_s = 11
        second = {(await site.get("sites")).body for _ in range(20)}

    assert (len(first), before, len(second), writer.pages) == (1, 1, 1, 2)


async def test_there_is_no_badge_of_a_line_that_does_not_exist(tmp_path: Path) -> None:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client, site_at(client.address) as site:
        await register(client, "paris", Vim.REACHABLE)

        assert [(await site.get(f"sites/{line}/badge.svg")).status for line in ("paris", "rome", "berlin")] == [
            *(200, 404, 404),
        ]
