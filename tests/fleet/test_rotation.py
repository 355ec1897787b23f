"""All that expires is replaced while a whole fleet works: no call fails, no watch ends, no VIM reads UNKNOWN."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct, Value

from tests.fleet.secured_site import SecuredSite, secured_site
from tests.support.callers.load import Load
from tests.support.callers.recorder import Recorder, recording
from tests.support.deployments.conductors import Client
from tests.support.identities.secured_fleets import put
from tests.support.identities.tokens import SigningKey
from tests.support.timing.waiting import eventually
from vimesh.certificates.spiffe_ids import Role
from vimesh.files.certificate_files import TRUSTED
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

pytestmark = [pytest.mark.fleet, pytest.mark.alone, pytest.mark.timeout(300)]

Vim = vim_pb2.Vim
VIMS = 2_000
REPORTERS = 24
READERS = 24
WATCHERS = 100
CHANNELS = 4
"""Each with a quarter of the callers and watchers."""
ENOUGH = 1_000
"""Number of calls after each change."""
BATCH = 500
LIMIT_S = 60.0
SECRET = Struct(fields={"password": Value(string_value="secret")})
PING = vim_pb2.ProbePolicy(
    method=vim_pb2.ProbePolicy.PING, interval=Duration(seconds=1), timeout=Duration(nanos=900_000_000)
)


def ending(make: Callable[[], Awaitable[object]], name: str) -> Callable[[], Awaitable[str]]:
    """Return calls that return how they ended: by this name, or by a failure with it."""

    async def made() -> str:
        try:
            await make()
        except grpc.aio.AioRpcError as error:
            return f"{name}: {error.code().name} {error.details()}"
        return name

    return made


async def register(client: Client, count: int) -> list[str]:
    """Register VIMs at addresses of this machine; return their ids."""
    ids: list[str] = []
    for first in range(0, count, BATCH):
        vims = [
            Vim(
                name=f"probed-{number}",
                type="openstack",
                auth_url=f"http://127.1.{number // 250}.{number % 250 + 1}/",
                auth_cred=SECRET,
                probe_policy=PING,
            )
            for number in range(first, min(first + BATCH, count))
        ]
        request = pb.RegisterVimsRequest(requests=[pb.RegisterVimRequest(vim=vim) for vim in vims])
        answer = await client.vims.RegisterVims(request, timeout=LIMIT_S)
        ids += [result.registered.vim_id for result in answer.results]
    return ids


async def watch(client: Client) -> None:
    """Watch until the stream ends, which it does not by itself."""
    async for _ in client.vims.WatchVims(pb.WatchVimsRequest()):
        pass


@asynccontextmanager
async def under_load(site: SecuredSite, person: Path) -> AsyncGenerator[Load]:
    """Report, read and watch, over channels that renew themselves."""
    load = Load(ENOUGH)
    watcher, reporter = site.part(Role.CLI, "admin.watcher"), site.part(Role.BRIDGE, "b1")
    async with AsyncExitStack() as scope:

        async def channels(credentials: Path) -> list[Client]:
            return [await scope.enter_async_context(site.caller(credentials)) for _ in range(CHANNELS)]

        watchers, reporters, readers = await channels(watcher), await channels(reporter), await channels(person)
        vims = [await registered_for_reports(watchers[0], number) for number in range(REPORTERS)]
        calls = [ending(Reporting(reporters[n % CHANNELS], vim).report, "report") for n, vim in enumerate(vims)]
        calls += [ending(partial(readers[n % CHANNELS].get, vims[n].id), "read") for n in range(READERS)]
        calls += [ending(partial(watch, watchers[n % CHANNELS]), "watch ended") for n in range(WATCHERS)]
        async with load.running(calls):
            yield load


async def registered_for_reports(client: Client, number: int) -> vim_pb2.Vim:
    vim = Vim(name=f"reported-{number}", type="openstack", auth_url="http://192.0.2.1/")
    request = pb.RegisterVimRequest(vim=vim, engine=vim_pb2.Monitor.EXTERNAL)
    return (await client.vims.RegisterVim(request, timeout=LIMIT_S)).vim


class Reporting:
    """An action that somebody else runs: each report turns the status around."""

    def __init__(self, client: Client, vim: vim_pb2.Vim) -> None:
        self._client = client
        self._vim = vim
        self._observation = 0

    async def report(self) -> None:
        self._observation += 1
        status = Vim.REACHABLE if self._observation % 2 else Vim.UNREACHABLE
        answer = await self._client.report(self._vim, status, self._observation)
        assert answer.WhichOneof("outcome") == "status", answer


def untrue(seen: Recorder, probed: set[str], since: int) -> list[str]:
    """Return what was said of probed VIMs after a revision: nothing happened to any of them."""
    return [
        f"{vim_pb2.VimEvent.Kind.Name(event.kind)} {Vim.Status.Name(event.status)} {event.reason}"
        for event in seen.events
        if event.revision > since and event.vim_id in probed
    ]


async def all_heard_since(client: Client, probed: set[str], moment: datetime) -> bool:
    heard: set[str] = set()
    page = pb.ListVimsResponse()
    while True:
        request = pb.ListVimsRequest(page_size=1000, page_token=page.next_page_token)
        page = await client.vims.ListVims(request, timeout=LIMIT_S)
        heard |= {vim.id for vim in page.vims if vim.monitor.contact_time.ToDatetime(UTC) > moment}
        if not page.next_page_token:
            return probed <= heard


async def test_nothing_fails_while_all_that_expires_is_replaced(tmp_path: Path) -> None:
    async with secured_site(tmp_path) as site, AsyncExitStack() as scope:
        admin = await scope.enter_async_context(site.caller(site.part(Role.CLI, "admin.recorder")))
        seen = await scope.enter_async_context(recording(admin))
        probed = set(await register(admin, VIMS))
        await seen.until(lambda: all(seen.status.get(vim_id) == Vim.REACHABLE for vim_id in probed), LIMIT_S)
        since = seen.events[-1].revision
        load = await scope.enter_async_context(under_load(site, person := site.person("olga", "operator")))

        for _ in range(2):
            site.renew_certificates()
            await load.until_more()

        succession = site.replace_authority()
        succession.trust_both()
        put(person / TRUSTED, site.certified.folder.trusted())
        await load.until_more()
        succession.issue_anew()
        await load.until_more()
        put(person / TRUSTED, succession.forget_predecessor())
        await load.until_more()

        former, site.key = site.key, SigningKey("second")
        site.publish(former, site.key)
        await load.until_more()
        site.sign(person, "operator")
        await load.until_more()
        site.publish(site.key)
        await load.until_more()

        said = await site.rotate_key()
        assert said.startswith(f"encrypted {VIMS + REPORTERS} of {VIMS + REPORTERS} VIMs anew")
        await load.until_more()
        # The monitor still makes contact, for each VIM, with its new certificate and of the new authority.
        await eventually(partial(all_heard_since, admin, probed, datetime.now(UTC)), LIMIT_S)

        assert set(load.ends) == {"report", "read"}, load.ends
        assert untrue(seen, probed, since) == []
