"""Two projects are fuzzed against each other: A calls at random, and neither reads nor changes anything of B (G14)."""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api import httpbody_pb2
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from tests.support.deployments.conductors import Client
from tests.support.deployments.secured_conductors import ADMIN, client_as, secured
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.watches.watch_streams import WatchLimits
from vimesh.v1 import (
    access_service_pb2,
    conductor_service_pb2,
    explanation_pb2,
    vim_pb2,
    vim_service_pb2,
    workflow_service_pb2,
)
from vimesh.v1.vim_pb2 import Monitor, Vim

CALLS = 250
WITHIN_S = 30
A = ("spiffe://vimesh/cli/a", "operator,reporter,driver", "a")
B = ("spiffe://vimesh/cli/b", "operator,reporter", "b")
MARK = "wasp"
"""Is in every text of B's VIMs, and nowhere else: no id has such letters."""
_ENGINES = (Monitor.EMBEDDED, Monitor.EXTERNAL)

Call = Callable[[str], Awaitable[Any]]


@dataclass
class Site:
    a: Client
    b: Client
    admin: Client
    of_b: list[Vim] = field(default_factory=list)
    tokens_of_b: list[str] = field(default_factory=list)
    requests_of_b: list[str] = field(default_factory=list)

    async def everything_of_b(self) -> list[str]:
        """Return all that there is of B: what an administrator sees, but for the VIMs of A."""
        vims = await listed(self.admin, 'project_id = "b"')
        events = await events_of(self.admin)
        return [
            str(one)
            for one in (*vims, *(event for event in events if MARK in str(event) or event.vim_id in self.ids_of_b))
        ]

    @property
    def ids_of_b(self) -> set[str]:
        return {vim.id for vim in self.of_b}


async def listed(client: Client, filter_: str = "") -> list[Vim]:
    vims: list[Vim] = []
    token = ""
    while True:
        request = vim_service_pb2.ListVimsRequest(filter=filter_, page_size=7, page_token=token)
        page = await client.vims.ListVims(request, timeout=WITHIN_S)
        vims += page.vims
        if not (token := page.next_page_token):
            return vims


async def events_of(client: Client, vim_id: str = "") -> list[vim_pb2.VimEvent]:
    events: list[vim_pb2.VimEvent] = []
    token = ""
    while True:
        request = vim_service_pb2.ListVimEventsRequest(vim_id=vim_id, page_size=50, page_token=token)
        page = await client.vims.ListVimEvents(request, timeout=WITHIN_S)
        events += page.events
        if not (token := page.next_page_token):
            return events


def fields(number: int, project_id: str) -> dict[str, Any]:
    mark = MARK if project_id == "b" else "ant"
    return {
        "name": f"{mark}-{number}",
        "description": f"{mark} {number}",
        "type": "openstack",
        "auth_url": f"http://{mark}-{number}.example:5000/v3",
        "project_id": project_id,
    }


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    limits = WatchLimits(beat_s=0.05)
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path, watch=limits) as address,
        client_as(address, A) as a,
        client_as(address, B) as b,
        client_as(address, ADMIN) as admin,
    ):
        site = Site(a, b, admin)
        for number in range(12):
            request = vim_service_pb2.RegisterVimRequest(
                vim=Vim(**fields(number, "b"), is_default=number == 3),
                request_id=str(uuid.uuid4()),
                engine=_ENGINES[number % 2],
            )
            vim = (await b.vims.RegisterVim(request, timeout=WITHIN_S)).vim
            site.requests_of_b.append(request.request_id)
            site.of_b.append(await admin.get(vim.id))
            await a.register(**fields(number, "a"))
        for vim in site.of_b[1::2]:
            await b.report(vim, Vim.REACHABLE, detail=MARK)
        gone = site.of_b.pop()
        await b.deregister(gone.id)
        site.of_b = [await admin.get(vim.id) for vim in site.of_b]
        page = await b.vims.ListVims(vim_service_pb2.ListVimsRequest(page_size=2), timeout=WITHIN_S)
        events = await b.vims.ListVimEvents(vim_service_pb2.ListVimEventsRequest(page_size=2), timeout=WITHIN_S)
        site.tokens_of_b = [page.next_page_token, events.next_page_token]
        yield site


async def said(call: Awaitable[Any]) -> str:
    """Return all that an answer tells, or an error with its details."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        details = [value for key, value in error.trailing_metadata() or () if key == "grpc-status-details-bin"]
        return f"{error.code()} {error.details()} {details}"
    return str(answer)


async def watched(client: Client, request: vim_service_pb2.WatchVimsRequest) -> list[Message]:
    """Return the first messages of a watch, up to a heartbeat."""
    stream: Any = client.vims.WatchVims(request, timeout=WITHIN_S)
    messages: list[Message] = []
    async for message in stream:
        messages.append(message)
        if message.revision and len(messages) > 1 and not message.events:
            break
    stream.cancel()
    return messages


async def watched_actions(client: Client) -> list[Message]:
    stream: Any = client.conductor.WatchActions(
        conductor_service_pb2.WatchActionsRequest(engine=Monitor.EXTERNAL), timeout=WITHIN_S
    )
    messages: list[Message] = []
    async for message in stream:
        messages.append(message)
        if message.revision:
            break
    stream.cancel()
    return messages


def calls_on_a_vim(dice: random.Random, a: Client, vim: Vim) -> list[Call]:
    """Return calls about a VIM, which take its id: for one of B, they are answered as for one that does not exist."""
    mask = FieldMask(paths=dice.sample(["name", "description", "auth_url", "is_default", "probe_policy"], 2))
    changed = Vim(name=f"ant-{dice.random()}", description="ant", auth_url="http://ant.example/", is_default=True)
    etag, status, action_id = (
        dice.choice(["", vim.etag]),
        dice.choice([Vim.REACHABLE, Vim.UNREACHABLE]),
        vim.monitor.action_id,
    )
    project_id, observation = dice.choice(["", "a", "b"]), dice.randrange(5)

    def modified(vim_id: str) -> Vim:
        return Vim(id=vim_id, **{**{f.name: v for f, v in changed.ListFields()}, "project_id": project_id})

    def report(vim_id: str) -> conductor_service_pb2.UpdateVimRequest:
        named = vim_id if action_id == vim.id else action_id
        return conductor_service_pb2.UpdateVimRequest(
            vim_id=vim_id, action_id=named, status=status, observation=observation
        )

    def json_of(vim_id: str) -> vim_service_pb2.ModifyVimJsonRequest:
        body = httpbody_pb2.HttpBody(data=b'{"vim": {"description": "ant"}}', content_type="application/json")
        return vim_service_pb2.ModifyVimJsonRequest(vim_id=vim_id, request=body)

    return [
        a.get,
        lambda vim_id: a.vims.ModifyVim(
            vim_service_pb2.ModifyVimRequest(vim=modified(vim_id), update_mask=mask, etag=etag), timeout=WITHIN_S
        ),
        lambda vim_id: a.vims.ModifyVim(
            vim_service_pb2.ModifyVimRequest(vim=modified(vim_id), engine=Monitor.EXTERNAL), timeout=WITHIN_S
        ),
        lambda vim_id: a.vims.ModifyVimJson(json_of(vim_id), timeout=WITHIN_S),
        lambda vim_id: a.vims.ProbeVim(vim_service_pb2.ProbeVimRequest(vim_id=vim_id), timeout=WITHIN_S),
        lambda vim_id: a.vims.ExplainVim(explanation_pb2.ExplainVimRequest(vim_id=vim_id), timeout=WITHIN_S),
        lambda vim_id: a.vims.GetVim(
            vim_service_pb2.GetVimRequest(vim_id=vim_id, max_age=Duration()), timeout=WITHIN_S
        ),
        a.deregister,
        lambda vim_id: events_of(a, vim_id),
        lambda vim_id: watched(a, vim_service_pb2.WatchVimsRequest(vim_id=vim_id, snapshot=True)),
        lambda vim_id: watched(a, vim_service_pb2.WatchVimsRequest(vim_id=vim_id, start_revision=2)),
        lambda vim_id: listed(a, f"id = {vim_id}"),
        lambda vim_id: a.conductor.UpdateVim(report(vim_id), timeout=WITHIN_S),
        lambda vim_id: a.conductor.UpdateVims(
            conductor_service_pb2.UpdateVimsRequest(reports=[report(vim_id)] * 2), timeout=WITHIN_S
        ),
        lambda vim_id: a.vims.RegisterVim(
            vim_service_pb2.RegisterVimRequest(vim=Vim(**fields(99, "a")), vim_id=vim_id), timeout=WITHIN_S
        ),
        lambda vim_id: a.vims.BatchGetVims(vim_service_pb2.BatchGetVimsRequest(vim_ids=[vim_id]), timeout=WITHIN_S),
        lambda vim_id: a.vims.ModifyVims(
            vim_service_pb2.ModifyVimsRequest(vim_ids=[vim_id], vim=Vim(labels={"a": "b"})), timeout=WITHIN_S
        ),
        lambda vim_id: a.vims.DeregisterVims(vim_service_pb2.DeregisterVimsRequest(vim_ids=[vim_id]), timeout=WITHIN_S),
        lambda vim_id: a.vims.RegisterVims(
            vim_service_pb2.RegisterVimsRequest(
                requests=[vim_service_pb2.RegisterVimRequest(vim=Vim(**fields(99, "a")), vim_id=vim_id)]
            ),
            timeout=WITHIN_S,
        ),
    ]


def other_calls(dice: random.Random, site: Site) -> list[Callable[[], Awaitable[Any]]]:
    """Return calls that use anything else of B: its names, project, request ids, page tokens, revisions."""
    a, vim = site.a, dice.choice(site.of_b)
    token, order = (
        dice.choice(site.tokens_of_b),
        dice.choice(["", "name", "name desc", "status_time", "create_time desc"]),
    )
    filter_ = dice.choice(
        [
            f'name = "{vim.name}"',
            'project_id = "b"',
            'project_id != "a"',
            'name = "*s*"',
            f"status = {Vim.Status.Name(vim.status)}",
            f'auth_url = "{vim.auth_url}"',
            "is_default = true",
            "engine = EXTERNAL",
            f"id != {vim.id}",
        ]
    )
    mine = {
        **fields(dice.randrange(10**9), "a"),
        "name": dice.choice([vim.name.replace(MARK, "ant"), f"ant-{dice.random()}"]),
    }

    def registration(**changed: Any) -> vim_service_pb2.RegisterVimRequest:  # noqa: ANN401 - fields of a VIM
        return vim_service_pb2.RegisterVimRequest(
            vim=Vim(**{**mine, **changed}),
            request_id=dice.choice(["", dice.choice(site.requests_of_b)]),
            engine=dice.choice(_ENGINES),
        )

    return [
        lambda: a.vims.ListVims(
            vim_service_pb2.ListVimsRequest(filter=filter_, order_by=order, page_size=3), timeout=WITHIN_S
        ),
        lambda: a.vims.ListVims(
            vim_service_pb2.ListVimsRequest(page_token=token, page_size=dice.choice([0, 1, 1000])), timeout=WITHIN_S
        ),
        lambda: a.vims.ListVimEvents(
            vim_service_pb2.ListVimEventsRequest(page_token=token, filter=dice.choice(["", filter_])), timeout=WITHIN_S
        ),
        lambda: a.vims.SummarizeVims(
            vim_service_pb2.SummarizeVimsRequest(
                filter=dice.choice(["", filter_]),
                group_by=dice.sample(["project_id", "status", "reason", "type", "engine", "labels.a"], 2),
            ),
            timeout=WITHIN_S,
        ),
        lambda: a.access.GetQuota(access_service_pb2.GetQuotaRequest(project_id="b"), timeout=WITHIN_S),
        lambda: watched(a, vim_service_pb2.WatchVimsRequest(snapshot=True, filter=filter_)),
        lambda: a.vims.ModifyVims(
            vim_service_pb2.ModifyVimsRequest(filter=filter_, vim=Vim(description="ant")), timeout=WITHIN_S
        ),
        lambda: a.vims.DeregisterVims(
            vim_service_pb2.DeregisterVimsRequest(filter=filter_, validate_only=True), timeout=WITHIN_S
        ),
        lambda: listed(a),
        lambda: events_of(a),
        lambda: watched(a, vim_service_pb2.WatchVimsRequest(snapshot=True)),
        lambda: watched(a, vim_service_pb2.WatchVimsRequest(start_revision=dice.randrange(2, 10))),
        lambda: watched_actions(a),
        lambda: a.vims.RegisterVim(registration(), timeout=WITHIN_S),
        lambda: a.vims.RegisterVim(registration(project_id="b"), timeout=WITHIN_S),
        lambda: a.vims.RegisterVims(
            vim_service_pb2.RegisterVimsRequest(
                requests=[registration(), registration(project_id="b"), registration(project_id="")]
            ),
            timeout=WITHIN_S,
        ),
        lambda: a.vims.ApplyVims(
            vim_service_pb2.ApplyVimsRequest(
                apply_set="ants",
                vims=[
                    vim_service_pb2.VimToApply(
                        vim=Vim(**{**fields(99, project), "name": name, "project_id": project}), absent=absent
                    )
                    for project, name, absent in (
                        ("b", vim.name, False),
                        ("b", vim.name, True),
                        ("a", vim.name.replace(MARK, "ant"), False),
                    )
                ],
                adopt=True,
                force=True,
            ),
            timeout=WITHIN_S,
        ),
        lambda: a.workflows.ClaimWorkflowTasks(
            workflow_service_pb2.ClaimWorkflowTasksRequest(claimant="ant", max_tasks=9), timeout=WITHIN_S
        ),
    ]


async def test_random_calls_of_one_project_neither_read_nor_change_the_other(site: Site) -> None:
    seed = int(os.environ.get("VIMESH_FUZZ_SEED") or random.SystemRandom().randrange(2**32))
    print(f"VIMESH_FUZZ_SEED={seed}")
    dice = random.Random(seed)
    before = await site.everything_of_b()
    for _ in range(CALLS):
        vim = dice.choice(site.of_b)
        if dice.random() < 0.6:
            call = dice.choice(calls_on_a_vim(dice, site.a, vim))
            missing = str(uuid.uuid4())
            answer = await said(call(vim.id))
            assert answer.replace(vim.id, "ID") == (await said(call(missing))).replace(missing, "ID")
        else:
            answer = await said(dice.choice(other_calls(dice, site))())
            assert not [one for one in site.ids_of_b if one in answer]
        assert MARK not in answer

    assert await site.everything_of_b() == before
    assert {vim.project_id for vim in await listed(site.a)} == {"a"}


async def test_a_summary_counts_the_vims_of_its_own_project_only(site: Site) -> None:
    request = vim_service_pb2.SummarizeVimsRequest(group_by=["project_id"])
    counted = await site.a.vims.SummarizeVims(request, timeout=WITHIN_S)
    everything = await site.a.vims.SummarizeVims(vim_service_pb2.SummarizeVimsRequest(), timeout=WITHIN_S)

    assert [group.values[0].value for group in counted.groups] == ["a"]
    assert counted.total == everything.total == counted.groups[0].counts
    assert counted.total.total == len(await listed(site.a))


async def test_one_watches_changes_of_its_own_project_only(site: Site) -> None:
    stream: Any = site.a.vims.WatchVims(vim_service_pb2.WatchVimsRequest(), timeout=WITHIN_S)
    await stream.read()
    await site.b.deregister(site.of_b[0].id)
    await site.b.report(site.of_b[1], Vim.UNREACHABLE)
    mine = await site.a.register(name="mine")
    seen: list[vim_pb2.VimEvent] = []
    while not seen:
        seen += (await stream.read()).events
    stream.cancel()

    assert [event.vim_id for event in seen] == [mine.id]
    assert (mine.project_id, seen[0].actor) == ("a", A[0])


async def test_the_same_request_id_serves_both_projects(site: Site) -> None:
    request_id = str(uuid.uuid4())

    async def register(client: Client, name: str) -> Vim:
        request = vim_service_pb2.RegisterVimRequest(
            vim=Vim(name=name, type="openstack", auth_url="http://192.0.2.1/"), request_id=request_id
        )
        return (await client.vims.RegisterVim(request, timeout=WITHIN_S)).vim

    first, other, again = (
        await register(site.a, "one"),
        await register(site.b, "one"),
        await register(site.a, "one"),
    )

    assert (first.project_id, other.project_id) == ("a", "b")
    assert (first.id == again.id, first.id == other.id) == (True, False)
    with pytest.raises(grpc.aio.AioRpcError, match=request_id):
        await register(site.a, "two")
