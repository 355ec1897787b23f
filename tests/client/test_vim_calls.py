"""What a program does with VIMs, asynchronously and not, against a real conductor."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import grpc
import pytest

from tests.support.deployments.conductors import Client as Conductor
from tests.support.deployments.conductors import conductor_at
from vimesh.client import (
    AlreadyExists,
    AsyncClient,
    Client,
    Conflict,
    InvalidRequest,
    NameAmbiguous,
    NameUnknown,
    NotFound,
    Unavailable,
    Vim,
    VimEvent,
    WaitExpired,
    WatchedVimGone,
    WatchedVims,
    WatchPosition,
    struct,
)
from vimesh.client.blocking_vim_calls import BlockingVimCalls
from vimesh.client.vim_calls import VimCalls

WITHIN_S = 20.0


@asynccontextmanager
async def fleet(folder: Path) -> AsyncGenerator[tuple[Conductor, AsyncClient]]:
    async with (
        conductor_at(folder / "vimesh.sqlite") as conductor,
        AsyncClient.connect(conductor.address, environment={}) as client,
    ):
        yield conductor, client


def lab(name: str = "lab", **fields: object) -> Vim:
    return Vim(name=name, type="openstack", auth_url="http://192.0.2.1/v3", **fields)  # type: ignore[arg-type]  # fields by name


async def test_a_vim_is_registered_found_changed_and_removed(tmp_path: Path) -> None:
    async with fleet(tmp_path) as (_, client):
        vim = await client.vims.register(lab(auth_cred=struct({"username": "vimesh", "password": "secret"})))

        assert vim.status == Vim.PENDING
        assert (await client.vims.get("lab")).id == (await client.vims.get(vim.id)).id == vim.id
        assert (await client.vims.get(vim)).auth_cred["password"] == "***"
        changed = await client.vims.modify("lab", Vim(description="ours", labels={"region": "eu"}))
        assert (changed.description, changed.labels["region"]) == ("ours", "eu")
        emptied = await client.vims.modify(vim, Vim(), fields=["description"])
        assert (emptied.description, emptied.labels["region"]) == ("", "eu")
        assert [each.name async for each in client.vims.list("labels.region = eu")] == ["lab"]
        await client.vims.deregister("lab")
        assert (await anext(client.vims.events(vim))).kind == VimEvent.DEREGISTERED
        with pytest.raises(NameUnknown, match=r"no VIM has the id or name lab \(VIM_NOT_FOUND\)"):
            await client.vims.get("lab")


async def test_lists_are_read_to_their_end_or_their_limit(tmp_path: Path) -> None:
    async with fleet(tmp_path) as (conductor, client):
        for number in range(7):
            await conductor.register(name=f"vim-{number}")

        names = [vim.name async for vim in client.vims.list(order_by="name desc", fields=["name"])]
        first = [vim.name async for vim in client.vims.list(order_by="name", limit=2)]

    assert names == [f"vim-{number}" for number in reversed(range(7))]
    assert first == ["vim-0", "vim-1"]


async def test_an_error_says_what_it_is_and_why(tmp_path: Path) -> None:
    async with fleet(tmp_path) as (conductor, client):
        vim = await client.vims.register(lab())
        with pytest.raises(AlreadyExists) as taken:
            await client.vims.register(lab())
        with pytest.raises(InvalidRequest) as bad:
            await client.vims.register(lab("other", description="x" * 100_000))
        await client.vims.modify(vim, Vim(description="by another"))
        with pytest.raises(Conflict) as late:
            await client.vims.modify(vim, Vim(description="mine"), etag=vim.etag)
        with pytest.raises(NotFound) as gone:
            await client.vims.get(str(uuid.uuid4()))
        await conductor.register(name="lab", project_id="others")
        with pytest.raises(NameAmbiguous) as several:
            await client.vims.get("lab")

    assert (taken.value.reason, taken.value.code()) == ("NAME_TAKEN", grpc.StatusCode.ALREADY_EXISTS)
    assert isinstance(taken.value, grpc.aio.AioRpcError)
    assert [violation.field for violation in bad.value.violations] == ["vim.description"]
    assert late.value.reason == "ETAG_MISMATCH"
    assert gone.value.reason == "VIM_NOT_FOUND"
    assert len(several.value.places) == 2


async def test_the_same_request_id_is_the_same_vim(tmp_path: Path) -> None:
    async with fleet(tmp_path) as (_, client):
        request_id = str(uuid.uuid4())
        first = await client.vims.register(lab(), request_id=request_id)

        assert (await client.vims.register(lab(), request_id=request_id)).id == first.id


async def test_a_status_is_waited_for_and_counts_even_if_another_has_followed(tmp_path: Path) -> None:
    async with fleet(tmp_path) as (conductor, client):
        vim = await client.vims.register(lab())
        waiting = asyncio.create_task(client.vims.wait_for("lab", "reachable", within_s=WITHIN_S))
        slow = asyncio.create_task(client.vims.wait_for(vim, lambda seen: seen.reason == "HTTP_503", within_s=WITHIN_S))
        # Again and again, because they may begin to wait after the first changes.
        for number in itertools.count(1, 2):
            await conductor.report(vim, Vim.REACHABLE, number)
            await conductor.report(vim, Vim.UNREACHABLE, number + 1, reason="HTTP_503")
            if waiting.done() and slow.done():
                break

        assert (await waiting).id == vim.id
        assert (await slow).status == Vim.UNREACHABLE
        with pytest.raises(WaitExpired, match=r"is UNREACHABLE, HTTP_503 and not REACHABLE after 0\.1 s") as late:
            await client.vims.wait_for(vim, "reachable", within_s=0.1)
        assert isinstance(late.value, TimeoutError)
        with pytest.raises(ValueError, match="UP"):
            await client.vims.wait_for(vim, "UP", within_s=1)
        going = asyncio.create_task(client.vims.wait_for_deregistration(vim, within_s=WITHIN_S))
        missing = asyncio.create_task(client.vims.wait_for(vim, "PENDING", within_s=WITHIN_S))
        await client.vims.get(vim)
        await client.vims.deregister(vim)
        await going
        with pytest.raises(WatchedVimGone):
            await missing


async def test_a_watch_goes_on_where_another_one_ended(tmp_path: Path) -> None:
    async with fleet(tmp_path) as (conductor, client):
        vim = await client.vims.register(lab())
        board, position = WatchedVims(), None
        async with aclosing(client.vims.watch()) as updates:
            async for update in updates:
                board.take(update)
                if (position := update.position) is not None:
                    break
        assert list(board.vims) == [vim.id]
        assert position is not None
        await conductor.report(vim, Vim.REACHABLE, 1)
        await conductor.report(vim, Vim.UNREACHABLE, 2)
        kept = WatchPosition.parse(str(position))

        seen: list[VimEvent] = []
        async with aclosing(client.vims.watch("lab", after=kept)) as updates:
            async for update in updates:
                seen += update.events
                if len(seen) == 2:
                    break

    assert kept == position
    assert kept.log_id
    assert [event.status for event in seen] == [Vim.REACHABLE, Vim.UNREACHABLE]


async def test_a_filtered_watch_brings_the_vims_that_begin_to_match(tmp_path: Path) -> None:
    async with fleet(tmp_path) as (conductor, client):
        vim = await client.vims.register(lab())
        async with aclosing(client.vims.watch(filter="status = REACHABLE")) as updates:
            async for update in updates:
                if update.position is not None and not update.events:
                    await conductor.report(vim, Vim.REACHABLE, 1)
                if update.events:
                    break

    assert update.arrivals[vim.id].name == "lab"


async def test_a_front_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    async with AsyncClient.connect(f"unix:{tmp_path}/front", environment={}) as client:
        with pytest.raises(Unavailable):
            await client.vims.get("lab")
        with pytest.raises(Unavailable):
            await anext(client.vims.watch())


def test_a_text_that_is_no_position_is_refused() -> None:
    for text in ("", "x", "-1", "1.5", "9" * 21):
        with pytest.raises(ValueError, match="position"):
            WatchPosition.parse(text)


async def test_a_program_without_asyncio_does_the_same(tmp_path: Path) -> None:
    async with fleet(tmp_path) as (conductor, _):

        def without_asyncio() -> list[str]:
            with Client.connect(conductor.address, environment={}) as client:
                assert client.who_am_i().version
                vim = client.vims.register(lab())
                assert [each.id for each in client.vims.list()] == [vim.id]
                reporting = asyncio.run_coroutine_threadsafe(conductor.report(vim, Vim.REACHABLE, 1), loop)
                assert client.vims.wait_for("lab", "REACHABLE", within_s=WITHIN_S).id == vim.id
                reporting.result()
                assert client.vims.modify(vim, Vim(description="ours")).description == "ours"
                first = next(client.vims.watch(vim))
                client.vims.deregister(vim)
                with pytest.raises(NameUnknown):
                    client.vims.wait_for_deregistration("lab", within_s=1)
                events = [VimEvent.Kind.Name(event.kind) for event in client.vims.events(vim)]
            with pytest.raises(RuntimeError, match="closed"):
                client.who_am_i()
            return [first.vims[0].name, *events]

        loop = asyncio.get_running_loop()
        found = await asyncio.to_thread(without_asyncio)

    assert found == ["lab", "DEREGISTERED", "MODIFIED", "STATUS_CHANGED", "REGISTERED"]


def test_both_clients_have_the_same_calls() -> None:
    def calls(kind: type) -> dict[str, list[tuple[str, object, object]]]:
        return {
            name: [(each.name, each.kind, each.annotation) for each in inspect.signature(method).parameters.values()]
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert calls(VimCalls) == calls(BlockingVimCalls)
    assert {"call", "connect", "who_am_i"} <= {*vars(AsyncClient)} & {*vars(Client)}
