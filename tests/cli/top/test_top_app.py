"""The application, whose keys a pilot presses, in front of a real fleet."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from tests.cli.targets import Target
from tests.support.callers.running import Fleet
from vimesh.cli.base.exits import Failure
from vimesh.cli.top.top_app import TopApp
from vimesh.cli.top.vim_deeds import DEEDS, permitted_rpcs
from vimesh.client.calls.front_stubs import Front, connected
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import ProbePolicy, Vim
from vimesh.wire.wire_durations import duration, seconds

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(180)]

_LIMIT_S = 20.0


class Screen:
    """What a person sees, and the keys that they press."""

    def __init__(self, app: TopApp, pilot: Pilot[Failure | None]) -> None:
        self.app = app
        self._pilot = pilot

    @property
    def text(self) -> str:
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    async def type(self, text: str) -> None:
        await self._pilot.press(*("space" if key == " " else key for key in text), "enter")

    async def resize(self, columns: int, lines: int) -> None:
        await self._pilot.resize_terminal(columns, lines)

    async def shows(self, *texts: str) -> None:
        await self.sees(lambda: all(text in self.text for text in texts), texts)

    async def sees(self, condition: Callable[[], bool], what: object = "") -> None:
        try:
            async with asyncio.timeout(_LIMIT_S):
                while not condition():
                    await self._pilot.pause(0.02)
        except TimeoutError:
            raise AssertionError(f"{what} is not on\n{self.text}") from None


@pytest.fixture
async def front(shared_fleet: Fleet) -> AsyncGenerator[Front]:
    async with connected(shared_fleet.address, 10.0) as opened:
        yield opened


@asynccontextmanager
async def screen(
    front: Front, selector: str, *, size: tuple[int, int] = (160, 30), permitted: frozenset[str] | None = None
) -> AsyncGenerator[Screen]:
    allowed = await permitted_rpcs(front) if permitted is None else permitted
    app = TopApp(front, allowed, selector=selector)
    async with app.run_test(size=size) as pilot:
        yield Screen(app, pilot)
        await pilot.press("ctrl+c")
    assert app.return_code == 0


async def register(front: Front, name: str, label: str, auth_url: str = "http://127.0.0.1:9/v3") -> str:
    """Return the id of a new VIM, which is unreachable by default."""
    policy = ProbePolicy(interval=duration(0.5), timeout=duration(0.2))
    vim = Vim(name=name, type="openstack", auth_url=auth_url, labels={"test": label}, probe_policy=policy)
    return (await front.vims.RegisterVim(pb.RegisterVimRequest(vim=vim), timeout=10)).vim.id


async def deregister(front: Front, vim_id: str) -> None:
    await front.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=vim_id), timeout=10)


async def read(front: Front, vim_id: str) -> Vim:
    return (await front.vims.GetVim(pb.GetVimRequest(vim_id=vim_id), timeout=10)).vim


async def test_counts_rows_and_changes_are_live(front: Front, cloud: Target) -> None:
    await register(front, "live-one", "live", cloud.auth_url)
    two = await register(front, "live-two", "live")
    async with screen(front, "test=live") as seen:
        await seen.shows("live", "2 VIMs  1 UNREACHABLE  1 REACHABLE", "Newest changes", "live-one")

        cloud.go()
        await seen.shows("2 UNREACHABLE", "live-one  REACHABLE -> UNREACHABLE  REFUSED")

        await deregister(front, two)
        await seen.shows("1 VIMs", "live-two  DEREGISTERED")

        await register(front, "live-three", "live", cloud.auth_url)
        await seen.shows("2 VIMs", "live-three  REGISTERED")


async def test_vims_that_begin_to_match_are_shown_whole(front: Front, cloud: Target) -> None:
    await register(front, "match-one", "match", cloud.auth_url)
    async with screen(front, "test=match") as seen:
        await seen.shows("1 REACHABLE", "match-one")
        await seen.press("slash")
        await seen.type("status = UNREACHABLE")
        await seen.shows("0 VIMs", "that match (status = UNREACHABLE) AND labels.test = ")

        cloud.go()
        await seen.shows("1 VIMs  1 UNREACHABLE", "UNREACHABLE   match-one")
        assert seen.app.model.rows[seen.app.vim_list.cursor_id].type == "openstack"

        cloud.come()
        await seen.shows("0 VIMs", "match-one  UNREACHABLE -> REACHABLE")


async def test_a_mistake_in_a_filter_is_shown_where_it_is_typed(front: Front) -> None:
    await register(front, "typo-one", "typo")
    async with screen(front, "test=typo") as seen:
        await seen.shows("typo-one")
        await seen.press("slash")
        await seen.type("nome = x")
        await seen.shows("nome", "BAD_INPUT", "Esc leaves everything as it is")

        await seen.press("escape")
        await seen.press("l")
        await seen.type("x y z")
        await seen.shows("selects nothing")
        await seen.press("escape")

        await seen.shows("1 VIMs", "typo-one")
        await seen.press("escape")
        await seen.sees(lambda: "that match" not in seen.text)


async def test_the_cursor_stays_on_its_vim(front: Front) -> None:
    for name in ("row-a", "row-b", "row-c"):
        await register(front, name, "row")
    async with screen(front, "test=row") as seen:
        await seen.shows("3 UNREACHABLE", "1 of 3")

        await seen.press("s", "down")
        await seen.shows("by name", "2 of 3")
        await seen.press("r")
        await seen.shows("by name reversed", "2 of 3")
        chosen = seen.app.vim_list.cursor_id
        await register(front, "row-d", "row")
        await seen.shows("3 of 4")
        assert seen.app.vim_list.cursor_id == chosen
        await seen.press("end")
        await seen.shows("4 of 4")
        await seen.press("home")
        await seen.shows("1 of 4")
        assert seen.app.model.rows[seen.app.vim_list.cursor_id].name == "row-d"


async def test_a_page_shows_everything_about_a_vim(front: Front, cloud: Target) -> None:
    one = await register(front, "page-one", "page", cloud.auth_url)
    async with screen(front, "test=page", size=(140, 70)) as seen:
        await seen.shows("1 REACHABLE", "page-one")
        await seen.press("enter")
        await seen.shows("page-one  REACHABLE for ", "valid for ", "NEWEST CHANGES", "ROUND TRIPS", "labels.test")
        await seen.shows("monitor.engine", "EMBEDDED", "PENDING -> REACHABLE")

        cloud.go()
        await seen.shows("page-one  UNREACHABLE for ", "REFUSED")

        await deregister(front, one)
        await seen.shows("the VIM was deregistered", "What follows was read ")
        await seen.press("escape")
        await seen.shows("0 VIMs")


async def test_changes_are_made_after_a_question_only(front: Front) -> None:
    one = await register(front, "deed-one", "deed")
    async with screen(front, "test=deed") as seen:
        await seen.shows("deed-one")

        await seen.press("i")
        await seen.shows("interval, such as 10s")
        await seen.type("soon")
        await seen.shows("must be a duration")
        await seen.press(*["backspace"] * 4)
        await seen.type("7s")
        await seen.shows("Probe deed-one every 7s instead of every 500ms?")
        await seen.press("y")
        await seen.shows("done (change the probe interval)")

        await seen.press("e")
        await seen.shows("labels, such as")
        await seen.type("owner=nfv")
        await seen.shows("Change labels of deed-one: owner=nfv?")
        await seen.press("y")
        await seen.shows("done (set or remove labels)")

        await seen.press("m")
        await seen.shows("how long and why")
        await seen.type("2h new disks")
        await seen.shows("Start maintenance of deed-one for 7200s: new disks?")
        await seen.press("y")
        await seen.shows("done (start maintenance)")
        await seen.shows("REFUSED maintenance")

        await seen.press("d")
        await seen.shows("Deregister deed-one?")
        await seen.press("n")
        after = await read(front, one)
        assert dict(after.labels) == {"test": "deed", "owner": "nfv"}
        assert seconds(after.probe_policy.interval) == 7

        await seen.press("d")
        await seen.shows("Deregister deed-one?")
        await seen.press("y")
        await seen.shows("0 VIMs", "deed-one  DEREGISTERED")


async def test_a_change_that_is_refused_is_explained(front: Front) -> None:
    one = await register(front, "late-one", "late")
    async with screen(front, "test=late") as seen:
        await seen.shows("late-one")
        await seen.press("e")
        await seen.shows("labels, such as")
        by_another = pb.ModifyVimRequest(vim=Vim(id=one, description="of somebody else"))
        await front.vims.ModifyVim(by_another, timeout=10)
        await seen.type("owner=nfv")
        await seen.shows("Change labels of late-one: owner=nfv?")
        await seen.press("y")

        await seen.shows("ETAG_MISMATCH")
    assert "owner" not in (await read(front, one)).labels


async def test_what_roles_do_not_allow_is_not_asked(front: Front) -> None:
    await register(front, "role-one", "role")
    async with screen(front, "test=role", permitted=frozenset()) as seen:
        await seen.shows("role-one")
        for deed in DEEDS:
            await seen.press(deed.key)
            await seen.shows(f"your roles do not allow to {deed.title}")
        await seen.press("question_mark")
        await seen.shows("deregister the VIM (not with your roles)")


async def test_every_key_is_listed(front: Front) -> None:
    async with screen(front, "test=nobody") as seen:
        await seen.press("question_mark")
        await seen.shows("these keys", "Esc closes this.")
        text = seen.text
        bound = {key for binding in TopApp.BINDINGS for key in getattr(binding, "key", "").split(",")}
        names = {"question_mark": "?", "slash": "/", "escape": "Esc", "ctrl+c": "Ctrl-C", "ctrl+q": "Ctrl-C"}
        assert bound
        assert not {key for key in bound if f"{names.get(key, key)} " not in text}

        await seen.press("escape")
        await seen.sees(lambda: "these keys" not in seen.text)


async def test_narrow_and_low_screens_show_what_matters_most(front: Front) -> None:
    await register(front, "thin-one", "thin")
    async with screen(front, "test=thin") as seen:
        await seen.shows("UNREACHABLE   thin-one", "AUTH_URL", "Newest changes")

        await seen.resize(30, 8)
        await seen.shows("UNREACHABLE   thin-one")
        assert "AUTH_URL" not in seen.text
        assert "Newest changes" not in seen.text
        assert max(map(len, seen.text.splitlines())) <= 30
        await seen.press("question_mark")
        await seen.shows("Up Down k j")
        await seen.press("escape")

        await seen.resize(5, 2)
        await seen.resize(160, 30)
        await seen.shows("UNREACHABLE   thin-one", "AUTH_URL", "Newest changes")
