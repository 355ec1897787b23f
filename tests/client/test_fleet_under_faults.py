"""The Python client before a real front: conductors are killed, and all certificates are replaced, while it works."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing, asynccontextmanager
from pathlib import Path

import pytest

from tests.fleet.secured_site import SecuredSite, secured_site
from tests.support.callers.commands import Command
from tests.support.callers.running import Running, running
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.identities.secured_fleets import put
from tests.support.identities.tokens import claims_of
from tests.support.sql.stores import create_file, sqlite_url
from tests.support.timing.waiting import until
from vimesh.certificates.spiffe_ids import Role
from vimesh.client import AsyncClient, ConnectionNews, TokenCredentials, Vim, VimEvent, WatchedVims
from vimesh.files.certificate_files import TRUSTED

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]

CALLERS = 6
ENOUGH = 12
"""Number of VIMs that the callers register and remove after each fault."""
WITHIN_S = 120.0
CALL_S = 120.0
"""Time limit of a call with all its attempts: no call may fail, however busy the machine is."""


class Walk:
    """Callers that register, change, list and deregister VIMs of their own until they are stopped."""

    def __init__(self) -> None:
        self.registered: list[str] = []
        self.deregistered: list[str] = []
        self._stopped = False

    async def walk(self, client: AsyncClient, number: int) -> None:
        turn = 0
        while not self._stopped:
            turn += 1
            name = f"vim-{number}-{turn}"
            vim = await client.vims.register(
                Vim(name=name, type="openstack", auth_url="http://192.0.2.1/v3", labels={"by": str(number)})
            )
            self.registered.append(vim.id)
            assert (await client.vims.modify(name, Vim(description=f"turn {turn}"))).id == vim.id
            assert (await client.vims.get(vim)).description == f"turn {turn}"
            assert [each.id async for each in client.vims.list(f'labels.by = "{number}"')] == [vim.id]
            await client.vims.deregister(vim)
            self.deregistered.append(vim.id)

    async def until_more(self) -> None:
        enough = len(self.deregistered) + ENOUGH
        await until(lambda: len(self.deregistered) >= enough, WITHIN_S)

    def stop(self) -> None:
        self._stopped = True


class Watcher:
    """Watches all VIMs, and keeps what it was told."""

    def __init__(self) -> None:
        self.board = WatchedVims()
        self.events: list[VimEvent] = []
        self.snapshots = 0
        self.losses = 0

    async def watch(self, client: AsyncClient) -> None:
        def lost(_: object) -> None:
            self.losses += 1

        async with aclosing(client.vims.watch(connection=ConnectionNews(lost=lost))) as updates:
            async for update in updates:
                self.snapshots += update.afresh
                self.board.take(update)
                self.events += update.events

    def is_told_of_removal(self, vim_id: str) -> bool:
        return any(event.vim_id == vim_id and event.kind == VimEvent.DEREGISTERED for event in self.events)

    def check(self, walk: Walk) -> None:
        """Each change came once, in order, none was left out, and nothing was sent anew."""
        revisions = [event.revision for event in self.events]
        assert revisions == sorted(set(revisions))
        assert self.snapshots == 1
        kinds = (VimEvent.REGISTERED, VimEvent.DEREGISTERED)
        born, gone = ([event.vim_id for event in self.events if event.kind == kind] for kind in kinds)
        assert set(born) >= set(walk.registered)
        assert set(gone) >= set(walk.deregistered)
        # A call that was repeated has registered one VIM, not two.
        assert len(born) == len(walk.registered)


@asynccontextmanager
async def walking(client: AsyncClient) -> AsyncGenerator[Walk]:
    """Work and watch during the block; all must have gone well at its end."""
    walk, watcher = Walk(), Watcher()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watcher.watch(client))
        await until(lambda: watcher.board.complete, WITHIN_S)
        callers = [tasks.create_task(walk.walk(client, number)) for number in range(CALLERS)]
        yield walk
        walk.stop()
        await asyncio.wait(callers)
        await until(lambda: watcher.is_told_of_removal(walk.deregistered[-1]), WITHIN_S)
        watching.cancel()
    watcher.check(walk)


class Conductors:
    """Conductors over one database, behind one front."""

    def __init__(self, folder: Path, processes: ExitStack) -> None:
        self._folder = folder
        self._processes = processes
        self.serving: dict[str, Running] = {}
        """By address."""

    async def start(self) -> str:
        """Start one; return its address."""
        url = ("--database-url", sqlite_url(self._folder / "vimesh.sqlite"), "--key-file", str(self._folder / "key"))
        process = self._processes.enter_context(running(self._folder, "conductor", "--listen", "127.0.0.1:0", *url))
        said = re.search(
            r"port=(\d+)", await asyncio.to_thread(process.line_with, "conductor is serving", within_s=WITHIN_S)
        )
        assert said is not None
        address = f"127.0.0.1:{said[1]}"
        self.serving[address] = process
        return address

    def kill(self, address: str) -> None:
        """Kill one without warning. The front still believes in it."""
        self.serving.pop(address).process.kill()


@asynccontextmanager
async def plain_site(folder: Path) -> AsyncGenerator[tuple[Conductors, RunningEnvoy]]:
    assert (await asyncio.to_thread(Command(folder), "db", "make-key", "key")).code == 0
    await asyncio.to_thread(create_file, folder / "vimesh.sqlite")
    with ExitStack() as processes:
        conductors = Conductors(folder, processes)
        addresses = [await conductors.start(), await conductors.start()]
        async with running_envoy(addresses) as envoy:
            await envoy.until_healthy(addresses)
            yield conductors, envoy


async def test_no_call_fails_and_no_change_is_missed_when_conductors_are_killed(tmp_path: Path) -> None:
    async with (
        plain_site(tmp_path) as (conductors, envoy),
        AsyncClient.connect(envoy.address, timeout_s=CALL_S, environment={}) as client,
        walking(client) as walk,
    ):
        await walk.until_more()
        for _ in range(2):
            conductors.kill(next(iter(conductors.serving)))
            await walk.until_more()
            await conductors.start()
            envoy.replace_conductors(conductors.serving)
            await envoy.until_healthy(conductors.serving, limit_s=WITHIN_S)
            await walk.until_more()


async def test_no_call_fails_and_no_change_is_missed_when_all_conductors_are_killed(tmp_path: Path) -> None:
    async with (
        plain_site(tmp_path) as (conductors, envoy),
        AsyncClient.connect(envoy.address, timeout_s=CALL_S, environment={}) as client,
        walking(client) as walk,
    ):
        await walk.until_more()
        present = list(conductors.serving)
        await conductors.start()
        for address in present:
            conductors.kill(address)
        # No conductor answers until the front knows the new one.
        envoy.replace_conductors(conductors.serving)
        await walk.until_more()


@asynccontextmanager
async def person(site: SecuredSite, name: str) -> AsyncGenerator[AsyncClient]:
    """Call with the token of a function and the authorities in a file."""
    trusted = site.folder / "people" / name / TRUSTED
    trusted.parent.mkdir(parents=True)
    put(trusted, site.certified.folder.trusted())

    async def token() -> str:
        return site.key.sign(claims_of(name, vimesh_roles="operator", vimesh_projects="*"))

    async with AsyncClient.connect(
        site.front, credentials=TokenCredentials(token, trusted), timeout_s=CALL_S, environment={}
    ) as client:
        yield client


async def test_no_call_fails_and_no_watch_ends_when_certificates_and_authorities_are_replaced(tmp_path: Path) -> None:
    async with secured_site(tmp_path) as site:
        folder = site.part(Role.CLI, "admin.python")
        async with (
            AsyncClient.connect(
                environment={"VIMESH_ADDRESS": site.front, "VIMESH_CREDENTIALS": str(folder)}, timeout_s=CALL_S
            ) as client,
            person(site, "olga") as olga,
        ):
            assert (await client.who_am_i()).identity == "spiffe://vimesh/cli/admin.python"
            assert (await olga.who_am_i()).identity.endswith("#olga")
            async with walking(client) as walk:
                site.renew_certificates()
                await walk.until_more()
                succession = site.replace_authority()
                succession.trust_both()
                put(site.folder / "people/olga" / TRUSTED, site.certified.folder.trusted())
                await walk.until_more()
                succession.issue_anew()
                await walk.until_more()
                put(site.folder / "people/olga" / TRUSTED, succession.forget_predecessor())
                await walk.until_more()
                assert (await olga.who_am_i()).identity.endswith("#olga")
