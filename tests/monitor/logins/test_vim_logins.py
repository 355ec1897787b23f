"""A monitor logs in with what a real conductor hands out, at the times of the policy, and never too often."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import structlog
from google.protobuf.struct_pb2 import Struct

from tests.support.clouds.http_server import OK, Server, server, token
from tests.support.deployments.conductors import Client, conductor_over
from tests.support.deployments.secured_conductors import ADMIN, MONITOR, client_as, secured
from tests.support.probers.lookups import no_lookups
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from tests.support.sql.stores import sqlite_url, store_at
from tests.support.timing.waiting import until
from vimesh.domain.actions import Action
from vimesh.domain.conditions.conditions import Condition
from vimesh.domain.probing import Depth, ProbePolicy
from vimesh.monitor.logins.build_logins import LoginSettings, Reach, logging_in
from vimesh.monitor.logins.lockout_guard import ACCOUNT_TRIES, PAUSES_S
from vimesh.monitor.logins.login_queue import JITTER, QueuedLogin
from vimesh.monitor.logins.vim_logins import LoginLimits, VimLogins
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.targets.target import ActionKey
from vimesh.runtime.background import beside
from vimesh.target_rules.fleet_addresses import FleetAddresses
from vimesh.v1 import vim_pb2
from vimesh.v1.vim_service_pb2 import ListVimEventsRequest, ModifyVimRequest

WITHIN_S = 30
INTERVAL_S = 300.0
SECRETS = ("kiwi-secret", "melon-secret")
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


class Cloud:
    """Takes one password."""

    def __init__(self) -> None:
        self.password = SECRETS[0]
        self.server = Server()

    def answer(self, request: bytes) -> bytes:
        if not request.startswith(b"POST /v3/auth/tokens "):
            return OK
        identity = json.loads(request.partition(b"\r\n\r\n")[2])["auth"]["identity"]
        if identity["password"]["user"]["password"] != self.password:
            return REFUSED
        return token(("compute", f"{self.server.url}/compute"))

    @property
    def logins(self) -> int:
        return sum(request.startswith(b"POST") for request in self.server.requests)


class Noted:
    """Takes the conditions of VIMs."""

    def __init__(self) -> None:
        self.conditions: dict[str, dict[str, Condition]] = {}
        self.notes = 0

    def note(self, action: ActionKey, condition: Condition) -> None:
        self.notes += 1
        self.conditions.setdefault(action[0], {})[condition.type] = condition

    def note_catalogue(self, action: ActionKey, services: list[str]) -> None:
        kept = {f"Endpoint/{name}" for name in services} | {"LoggedIn"}
        known = self.conditions.setdefault(action[0], {})
        self.conditions[action[0]] = {kind: one for kind, one in known.items() if kind in kept}

    def words(self, vim: vim_pb2.Vim) -> dict[str, str]:
        return {kind: f"{one.status} {one.reason}".strip() for kind, one in self.conditions.get(vim.id, {}).items()}


class Site:
    """A fleet with a monitor that only logs in, and whose clock the test moves."""

    def __init__(self, people: Client, cloud: Cloud) -> None:
        self.people = people
        self.cloud = cloud
        self.noted = Noted()
        self.ahead_s = 0.0
        self.logins: VimLogins
        self.finished = 0

    def clock(self) -> float:
        return time.monotonic() + self.ahead_s

    async def register(self, password: str = SECRETS[0], depth: Depth = Depth.LOGIN, name: str = "blue") -> vim_pb2.Vim:
        """Register a VIM, and have its action log in."""
        policy = vim_pb2.ProbePolicy(depth=vim_pb2.ProbePolicy.Depth.Value(depth))
        fields = {"auth_cred": credentials(password), "vim_project": struct(name=name)}
        vim = await self.people.register(auth_url=f"{self.cloud.server.url}/v3", probe_policy=policy, **fields)
        own = ProbePolicy(depth=depth, login_interval_s=INTERVAL_S)
        self.logins.start(Action(vim.id, vim.monitor.action_id, vim.auth_url, own, observation=0))
        return vim

    async def rotate(self, vim: vim_pb2.Vim, password: str) -> None:
        changed = vim_pb2.Vim(id=vim.id, auth_cred=credentials(password))
        await self.people.vims.ModifyVim(ModifyVimRequest(vim=changed), timeout=WITHIN_S)

    async def until(self, vim: vim_pb2.Vim, **expected: str) -> None:
        """Wait until the VIM has these conditions; `LoggedIn` and `compute` name them."""
        wanted = {kind if kind == "LoggedIn" else f"Endpoint/{kind}": said for kind, said in expected.items()}
        await until(lambda: self.noted.words(vim) == wanted, WITHIN_S)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, and wait until all that is due then is done."""
        before = self.finished
        self.ahead_s += seconds
        self.logins._news.set()
        await until(lambda: self.finished > before and not self.logins._queue._under_way, WITHIN_S)


def struct(**values: str) -> Struct:
    made = Struct()
    made.update(values)
    return made


def credentials(password: str) -> Struct:
    return struct(username="ann", password=password)


@asynccontextmanager
async def site_at(people: Client, monitor: Client) -> AsyncGenerator[Site]:
    cloud = Cloud()
    async with server(cloud.answer) as running:
        cloud.server = running
        site = Site(people, cloud)
        gate = TargetGate(LOOPBACK_RULES, FleetAddresses(clock=time.monotonic))
        reach, settings = Reach(gate, no_lookups(), "vimesh/test"), LoginSettings(LoginLimits(gap_s=0.0))
        with logging_in(monitor.conductor, site.noted, reach, settings, Random(7)) as logins:
            logins._clock = site.clock
            count_ends(logins, site)
            site.logins = logins
            async with beside(logins.run()):
                yield site


def count_ends(logins: VimLogins, site: Site) -> None:
    queue = logins._queue
    finish = queue.finish

    def counted(login: QueuedLogin, now: float, pause_s: float | None = None) -> None:
        finish(login, now, pause_s)
        site.finished += 1

    queue.finish = counted  # type: ignore[method-assign]  # counts beside


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path, audit_file=tmp_path / "audit.log") as address,
        client_as(address, ADMIN) as people,
        client_as(address, MONITOR) as monitor,
        site_at(people, monitor) as site,
    ):
        yield site


async def test_a_new_vim_is_logged_in_to_at_once_and_again_after_its_interval(site: Site) -> None:
    vim = await site.register()

    await site.until(vim, LoggedIn="TRUE", compute="TRUE")
    assert site.cloud.logins == 1
    await site.pass_time(INTERVAL_S * (1 + JITTER) + 1)
    assert site.cloud.logins == 2


async def test_only_who_asked_for_it_is_logged_in_to(site: Site) -> None:
    await site.register(depth=Depth.SERVICE)
    vim = await site.register()

    await site.until(vim, LoggedIn="TRUE", compute="TRUE")
    assert len(site.logins) == 1
    assert list(site.noted.conditions) == [vim.id]


async def test_a_changed_password_is_used_at_the_next_login(site: Site) -> None:
    vim = await site.register()
    await site.until(vim, LoggedIn="TRUE", compute="TRUE")

    site.cloud.password = SECRETS[1]
    await site.pass_time(INTERVAL_S * (1 + JITTER) + 1)
    await site.until(vim, LoggedIn="FALSE UNAUTHORIZED", compute="UNKNOWN NO_CATALOG")
    assert site.cloud.logins == 2
    # Within the pause, nothing is tried.
    await site.pass_time(INTERVAL_S * (1 + JITTER) + 1)
    assert site.cloud.logins == 2
    assert site.noted.words(vim)["LoggedIn"] == "FALSE UNAUTHORIZED"

    await site.rotate(vim, SECRETS[1])
    await site.pass_time(INTERVAL_S * (1 + JITTER) + 1)
    await site.until(vim, LoggedIn="TRUE", compute="TRUE")
    assert site.cloud.logins == 3


async def test_a_wrong_password_is_tried_again_after_the_pause(site: Site) -> None:
    vim = await site.register("wrong")
    await site.until(vim, LoggedIn="FALSE UNAUTHORIZED")

    site.cloud.password = "wrong"
    await site.pass_time(PAUSES_S[0] + 1)

    await site.until(vim, LoggedIn="TRUE", compute="TRUE")


async def test_vims_of_one_account_are_held_back_together(site: Site) -> None:
    vims = [await site.register("wrong", name=f"p{number}") for number in range(ACCOUNT_TRIES + 2)]

    await until(lambda: all(site.noted.words(vim) for vim in vims), WITHIN_S)

    said = sorted(site.noted.words(vim)["LoggedIn"] for vim in vims)
    assert said == ["FALSE UNAUTHORIZED"] * ACCOUNT_TRIES + ["UNKNOWN HELD_BACK"] * 2
    assert site.cloud.logins == ACCOUNT_TRIES
    other = await site.register()
    await site.until(other, LoggedIn="TRUE", compute="TRUE")


async def test_an_action_that_ended_is_logged_in_for_no_longer(site: Site) -> None:
    vim, kept = await site.register(), await site.register()
    await site.until(kept, LoggedIn="TRUE", compute="TRUE")
    await site.until(vim, LoggedIn="TRUE", compute="TRUE")

    site.logins.stop(vim.id, vim.monitor.action_id)
    await site.people.deregister(kept.id)
    await site.pass_time(INTERVAL_S * (1 + JITTER) + 1)

    assert len(site.logins) == 1
    assert site.cloud.logins == 2


async def test_no_secret_is_in_any_log_and_none_is_kept(site: Site, tmp_path: Path) -> None:
    with structlog.testing.capture_logs() as log:
        vim = await site.register()
        await site.until(vim, LoggedIn="TRUE", compute="TRUE")
        site.cloud.server.requests.clear()
        bad = await site.register(SECRETS[1], name="green")
        await site.until(bad, LoggedIn="FALSE UNAUTHORIZED")
        events = await site.people.vims.ListVimEvents(ListVimEventsRequest(), timeout=WITHIN_S)

    audit = (tmp_path / "audit.log").read_text()
    assert audit.count("GetVimCredentials") == 2
    told = f"{log}{events}{audit}{site.noted.conditions}{vars(site.logins)}"
    assert not [secret for secret in SECRETS if secret in told]


async def test_an_open_fleet_has_no_logins_and_says_what_to_do(tmp_path: Path) -> None:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        conductor_over(store) as client,
        site_at(client, client) as site,
    ):
        vim = await site.register()
        await site.until(vim, LoggedIn="UNKNOWN LOCAL_NO_IDENTITY")
        assert site.cloud.logins == 0
