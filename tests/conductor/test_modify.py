"""What a modification changes, and what it leaves alone."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct

from tests.support.deployments.conductors import Client
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import RpcFailure, failure_of

Vim, Policy = vim_pb2.Vim, vim_pb2.ProbePolicy


async def modify(client: Client, vim: vim_pb2.Vim, *paths: str, etag: str = "") -> vim_pb2.Vim:
    request = pb.ModifyVimRequest(vim=vim, update_mask=FieldMask(paths=paths), etag=etag)
    return (await client.vims.ModifyVim(request, timeout=30)).vim


async def refused(client: Client, vim: vim_pb2.Vim, *paths: str, etag: str = "") -> RpcFailure:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await modify(client, vim, *paths, etag=etag)
    return failure_of(failed.value)


def seconds(value: int) -> Duration:
    return Duration(seconds=value)


async def with_policy(client: Client) -> vim_pb2.Vim:
    return await client.register(
        probe_policy=Policy(
            method=Policy.TCP, interval=seconds(60), timeout=seconds(30), fall=5, tls_verify=True, fail_for=seconds(6)
        )
    )


async def test_a_path_into_the_policy_changes_this_part_only(client: Client) -> None:
    vim = await with_policy(client)
    wanted = Policy()
    wanted.CopyFrom(vim.probe_policy)

    for path, change in (
        ("interval", Policy(interval=seconds(90))),
        ("timeout", Policy(timeout=seconds(45))),
        ("method", Policy(method=Policy.PING)),
        ("fall", Policy(fall=4)),
        ("rise", Policy(rise=2)),
        ("tls_verify", Policy(tls_verify=False)),
        ("fail_for", Policy(fail_for=seconds(90))),
        ("fail_for", Policy(fail_for=seconds(0))),
    ):
        after = await modify(client, Vim(id=vim.id, probe_policy=change), f"probe_policy.{path}")
        wanted.ClearField(path)  # type: ignore[arg-type]  # a field by name
        wanted.MergeFrom(change)
        assert after.probe_policy == wanted
        assert after.monitor.action_id != vim.monitor.action_id
        vim = after


async def test_a_part_that_is_named_and_not_set_gets_its_default(client: Client) -> None:
    vim = await with_policy(client)

    parts = ("fall", "timeout", "method", "fail_for")
    after = await modify(client, Vim(id=vim.id), *(f"probe_policy.{part}" for part in parts))

    assert (after.probe_policy.fall, after.probe_policy.timeout) == (3, seconds(1))
    assert (after.probe_policy.method, after.probe_policy.fail_for) == (Policy.HTTP, seconds(0))
    assert (after.probe_policy.interval, after.probe_policy.tls_verify) == (seconds(60), True)


async def test_without_a_mask_the_parts_that_are_set_are_changed(client: Client) -> None:
    vim = await with_policy(client)

    after = await modify(client, Vim(id=vim.id, probe_policy=Policy(timeout=seconds(20))))

    wanted = Policy()
    wanted.CopyFrom(vim.probe_policy)
    wanted.timeout.FromSeconds(20)
    assert after.probe_policy == wanted
    assert (await modify(client, Vim(id=vim.id, probe_policy=Policy()))) == after


async def test_the_policy_as_a_whole_is_replaced(client: Client) -> None:
    vim = await with_policy(client)

    for paths in (("probe_policy",), ("probe_policy.interval", "probe_policy")):
        after = await modify(client, Vim(id=vim.id, probe_policy=Policy(interval=seconds(30))), *paths)

        assert after.probe_policy == Policy(
            method=Policy.HTTP,
            interval=seconds(30),
            timeout=seconds(1),
            fall=3,
            rise=1,
            tls_verify=False,
            fail_for=seconds(0),
        )


async def test_parts_that_do_not_go_with_what_is_stored_are_refused(client: Client) -> None:
    vim = await with_policy(client)

    for change in (Policy(interval=seconds(30)), Policy(timeout=seconds(60))):
        found = await refused(client, Vim(id=vim.id, probe_policy=change))
        assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT")
        assert [violation.field for violation in found.violations] == ["vim.probe_policy"]
    assert await client.get(vim.id) == vim


async def test_two_who_change_different_parts_at_once_both_succeed(client: Client) -> None:
    vim = await with_policy(client)

    await asyncio.gather(
        *(
            modify(client, Vim(id=vim.id, probe_policy=change))
            for change in (
                Policy(fall=7),
                Policy(rise=7),
                Policy(timeout=seconds(7)),
                Policy(interval=seconds(70)),
                Policy(fail_for=seconds(7)),
            )
        )
    )

    policy = (await client.get(vim.id)).probe_policy
    assert (policy.fall, policy.rise, policy.timeout, policy.interval) == (7, 7, seconds(7), seconds(70))
    assert policy.fail_for == seconds(7)


async def test_a_star_replaces_all_that_can_be_changed(client: Client) -> None:
    extra = Struct()
    extra.update({"rack": 1})
    vim = await client.register(description="d", extra=extra, is_default=True, probe_policy=Policy(fall=5))

    after = await modify(client, Vim(id=vim.id, name="new", type="kubernetes", auth_url="http://b/"), "*")

    assert (after.name, after.type, after.auth_url) == ("new", "kubernetes", "http://b/")
    assert (after.description, after.extra, after.is_default) == ("", Struct(), False)
    assert after.probe_policy.fall == 3
    assert (after.project_id, after.create_time) == (vim.project_id, vim.create_time)


async def test_a_vim_that_is_sent_back_as_it_was_read_changes_nothing(client: Client) -> None:
    """Also when it was probed since: fields that the server sets are ignored."""
    cred = Struct()
    cred.update({"username": "u", "password": "p"})
    vim = await client.register(auth_cred=cred)
    await client.report(vim, Vim.REACHABLE, 1)
    now = await client.get(vim.id)

    assert await modify(client, vim) == now
    assert await modify(client, vim, "*") == now


@pytest.mark.parametrize("paths", [(), ("*",)])
async def test_a_vim_stays_in_its_project(client: Client, paths: tuple[str, ...]) -> None:
    vim = await client.register(project_id="one")
    moved = Vim()
    moved.CopyFrom(vim)
    moved.project_id, moved.description = "two", "d"

    found = await refused(client, moved, *paths)

    assert (found.code, [v.field for v in found.violations]) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        ["vim.project_id"],
    )
    assert await client.get(vim.id) == vim
    assert (await modify(client, moved, "description")).project_id == "one"


async def test_the_etag_within_the_vim_counts_when_none_is_beside_it(client: Client) -> None:
    vim = await client.register()
    newer = await modify(client, Vim(id=vim.id, description="newer"))
    stale = Vim(id=vim.id, description="stale", etag=vim.etag)

    found = await refused(client, stale)
    assert (found.code, found.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (await refused(client, stale, "description")).reason == "ETAG_MISMATCH"
    assert (await client.get(vim.id)) == newer

    assert (await modify(client, stale, etag=newer.etag)).description == "stale"
