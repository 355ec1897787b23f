"""Conditions on their way from probes to what people see: a real monitor, a real conductor, scripted clouds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from tests.support.clouds.authorities import Authority
from tests.support.clouds.scripted_api import ScriptedApi, scripted_api
from tests.support.deployments.conductors import Client, conductor_at
from tests.support.probers.actions import action, id_of
from tests.support.probers.loopback_rules import LOOPBACK_RULES
from tests.support.probers.verdicts import PATIENCE_S
from vimesh.domain.conditions.conditions import Condition, ConditionStatus
from vimesh.monitor.conditions.condition_book import ConditionBook
from vimesh.monitor.monitor_process import MonitorSettings, run_monitor
from vimesh.monitor.reporting.condition_reporter import ConditionLimits, ConditionReporter
from vimesh.monitor.targets.target import Target
from vimesh.rpc.channels import channel
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_pb2
from vimesh.v1.condition_pb2 import Condition as ConditionMessage
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub

V3 = b'{"version": {"id": "v3.14", "status": "stable"}}'
NOT_READY = b"[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n"
READY = Condition("ServiceReady", ConditionStatus.TRUE, "", "")
UNREADY = Condition("ServiceReady", ConditionStatus.FALSE, "NOT_READY", "")
NOBODY = "127.0.0.1:9"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[Client]:
    async with conductor_at(tmp_path / "vimesh.sqlite") as made:
        yield made


@pytest.fixture
async def keystone(tmp_path: Path) -> AsyncGenerator[ScriptedApi]:
    authority = Authority(tmp_path, "The CA")
    async with scripted_api(tls=authority.server_context(authority.sign("keystone", "127.0.0.1"))) as api:
        api.answer(200, V3)
        yield api


@asynccontextmanager
async def monitor(address: str) -> AsyncGenerator[None]:
    async with asyncio.TaskGroup() as parts:
        running = parts.create_task(run_monitor(MonitorSettings(address, rules=LOOPBACK_RULES)))
        yield
        running.cancel()


def deep() -> vim_pb2.ProbePolicy:
    return vim_pb2.ProbePolicy(
        depth=vim_pb2.ProbePolicy.SERVICE, interval=Duration(nanos=500_000_000), timeout=Duration(nanos=400_000_000)
    )


def told(vim: vim_pb2.Vim) -> dict[str, tuple[str, str]]:
    return {one.type: (ConditionMessage.Status.Name(one.status), one.reason) for one in vim.conditions}


def holds(wanted: dict[str, tuple[str, str]]) -> Callable[[vim_pb2.Vim], bool]:
    return lambda vim: told(vim).items() >= wanted.items()


async def test_what_probes_show_is_told_of_the_vim(client: Client, keystone: ScriptedApi) -> None:
    vim = await client.register(name="openstack", auth_url=keystone.url, probe_policy=deep())
    async with monitor(client.address), scripted_api() as api:
        shown = await client.until(
            vim.id, holds({"ServiceReady": ("TRUE", ""), "CertificateValid": ("TRUE", "")}), PATIENCE_S
        )
        api.answer(500, NOT_READY)
        other = await client.register(
            name="kubernetes", type="kubernetes", auth_url=api.url.removesuffix("/v3"), probe_policy=deep()
        )
        unready = await client.until(other.id, holds({"ServiceReady": ("FALSE", "NOT_READY")}), PATIENCE_S)
        api.answer(200, b"ok")
        await client.until(other.id, holds({"ServiceReady": ("TRUE", "")}), PATIENCE_S)

    assert shown.status == unready.status == vim_pb2.Vim.REACHABLE
    assert told(shown)["Reachable"] == ("TRUE", "")
    assert shown.certificate.issuer == "CN=The CA"
    assert not shown.certificate.HasField("verified")


def book_with(*actions: tuple[str, str]) -> tuple[ConditionBook, dict[tuple[str, str], Target]]:
    book, targets = ConditionBook(), {}
    for vim_id, action_id in actions:
        targets[vim_id, action_id] = target = Target(action("http://192.0.2.1/", vim_id=vim_id, action_id=action_id))
        book.add_action((vim_id, action_id), target)
    return book, targets


def reporter(stub: Any, book: ConditionBook, ended: list[tuple[str, str]] | None = None) -> ConditionReporter:  # noqa: ANN401 - a stub
    return ConditionReporter(
        stub,
        book,
        on_bad_action=lambda *each: None if ended is None else ended.append(each),
        random=Random(1),
        limits=ConditionLimits(gather_s=0.0, first_pause_s=0.01, longest_pause_s=0.01),
    )


async def test_what_conductors_that_are_away_did_not_hear_is_told_in_its_newest_state(client: Client) -> None:
    vim = await client.register(name="lab", probe_policy=deep())
    key = (vim.id, vim.monitor.action_id)
    book, targets = book_with(key)
    book.note_of_target(targets[key], UNREADY)
    async with channel(NOBODY, None) as nowhere:
        assert not await reporter(ConductorServiceStub(nowhere), book).tell(book.take(10))
    book.note_of_target(targets[key], READY)

    running = asyncio.ensure_future(reporter(client.conductor, book).run())
    try:
        await client.report(vim, vim_pb2.Vim.REACHABLE)
        await client.until(vim.id, holds({"ServiceReady": ("TRUE", "")}), PATIENCE_S)
    finally:
        running.cancel()
    assert len(book) == 0


async def test_an_action_that_is_not_wanted_ends_and_the_others_are_told(client: Client) -> None:
    vim = await client.register(name="lab", probe_policy=deep())
    key, gone = (vim.id, vim.monitor.action_id), (id_of("gone"), "action")
    book, targets = book_with(gone, key)
    for target in targets.values():
        book.note_of_target(target, READY)
    ended: list[tuple[str, str]] = []

    assert await reporter(client.conductor, book, ended).tell(book.take(10))

    assert ended == [gone]
    await client.report(vim, vim_pb2.Vim.REACHABLE)
    assert told(await client.get(vim.id))["ServiceReady"] == ("TRUE", "")
    book.note_of_target(targets[gone], UNREADY)
    assert len(book) == 0, "nothing more is told of it"


async def test_an_entry_that_breaks_a_rule_does_not_keep_the_others_back(client: Client) -> None:
    vim = await client.register(name="lab", probe_policy=deep())
    key, odd = (vim.id, vim.monitor.action_id), ("no id", "action")
    book, targets = book_with(odd, key)
    for target in targets.values():
        book.note_of_target(target, READY)

    assert await reporter(client.conductor, book).tell(book.take(10))

    await client.report(vim, vim_pb2.Vim.REACHABLE)
    assert told(await client.get(vim.id))["ServiceReady"] == ("TRUE", "")
    assert len(book) == 0


async def test_two_actions_of_one_vim_are_not_told_in_one_call() -> None:
    book, targets = book_with(("vim", "old"), ("vim", "new"), ("other", "action"))
    calls: list[list[str]] = []
    heard = asyncio.Event()

    class Stub:
        async def ReportConditions(  # noqa: N802 - the name of the RPC
            self, request: pb.ReportConditionsRequest, **_: object
        ) -> pb.ReportConditionsResponse:
            calls.append([f"{each.vim_id} {each.action_id}" for each in request.vims])
            if len(calls) == 2:
                heard.set()
            return pb.ReportConditionsResponse(
                outcomes=[pb.VimConditionsOutcome(recorded=pb.RecordedConditions()) for _ in request.vims]
            )

    for target in targets.values():
        book.note_of_target(target, READY)
    running = asyncio.ensure_future(reporter(Stub(), book).run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await heard.wait()
    finally:
        running.cancel()

    assert calls == [["vim old", "other action"], ["vim new"]]


async def test_a_conductor_of_an_earlier_version_is_told_later() -> None:
    book, targets = book_with(("vim", "action"))
    book.note_of_target(targets["vim", "action"], READY)
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with channel(f"127.0.0.1:{port}", None) as opened:
            assert not await reporter(ConductorServiceStub(opened), book).tell(book.take(10))
    finally:
        await server.stop(None)

    assert len(book) == 1
