"""Bad input gets a typed error and changes nothing."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.deployments.conductors import Client
from vimesh.v1 import conductor_service_pb2, vim_pb2, workflow_service_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import RpcFailure, failure_of
from vimesh.wire.limits import MAX_MESSAGE_BYTES

ID = "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"
Vim = vim_pb2.Vim
LONGEST = Duration(seconds=10**15)
Call = Callable[[Client], Awaitable[object]]


def register(**fields: object) -> Call:
    vim = {"name": "lab", "type": "openstack", "auth_url": "http://127.0.0.1:5000/v3"} | fields
    return lambda client: client.vims.RegisterVim(pb.RegisterVimRequest(vim=Vim(**vim)), timeout=30)  # type: ignore[arg-type]  # fields by name


def report(**fields: object) -> Call:
    said = {"vim_id": ID, "action_id": "a", "status": Vim.REACHABLE} | fields
    return lambda client: client.conductor.UpdateVim(conductor_service_pb2.UpdateVimRequest(**said), timeout=30)  # type: ignore[arg-type]  # fields by name


def modify(*paths: str, etag: str = "", **fields: object) -> Call:
    request = pb.ModifyVimRequest(vim=Vim(**({"id": ID} | fields)), etag=etag)  # type: ignore[arg-type]  # fields by name
    request.update_mask.paths.extend(paths)
    return lambda client: client.vims.ModifyVim(request, timeout=30)


def struct(**fields: str | float) -> Struct:
    made = Struct()
    made.update(fields)
    return made


def nested(levels: int, *, in_lists: bool = False) -> Struct:
    """Nest a free-form field so deep, itself included."""
    value: object = 1
    for _ in range(levels - 1):
        value = [value] if in_lists else {"a": value}
    made = Struct()
    made.update({"a": value})  # type: ignore[dict-item]  # nested without end
    return made


def policy(**fields: object) -> vim_pb2.ProbePolicy:
    return vim_pb2.ProbePolicy(**fields)  # type: ignore[arg-type]  # fields by name


def seconds(value: float) -> Duration:
    made = Duration()
    made.FromNanoseconds(int(value * 1e9))
    return made


def claim(**fields: object) -> workflow_service_pb2.ClaimWorkflowTasksRequest:
    return workflow_service_pb2.ClaimWorkflowTasksRequest(claimant="x", **fields)  # type: ignore[arg-type]  # fields by name


def finish(**fields: object) -> workflow_service_pb2.FinishWorkflowTaskRequest:
    return workflow_service_pb2.FinishWorkflowTaskRequest(task_id=ID, claim_token="x", **fields)  # type: ignore[arg-type]  # fields by name


async def failure(client: Client, call: Call) -> RpcFailure:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call(client)
    return failure_of(failed.value)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (register(name=""), "vim.name"),
        (register(name="a" * 256), "vim.name"),
        (register(name="a\nb"), "vim.name"),
        (register(name="a\x7fb"), "vim.name"),
        (register(project_id="a\x00b"), "vim.project_id"),
        (register(description="a" * 4097), "vim.description"),
        (register(description="a\x00b"), "vim.description"),
        (register(auth_url="http://10.0.0.1/a\x00b"), "vim.auth_url"),
        (register(type=""), "vim.type"),
        (register(type="vmware"), "vim.type"),
        (register(auth_url=""), "vim.auth_url"),
        (register(auth_url="keystone"), "vim.auth_url"),
        (register(auth_url="ftp://10.0.0.1"), "vim.auth_url"),
        (register(auth_url="http://-f/v3"), "vim.auth_url"),
        (register(auth_url="http://10.0.0.1/" + "x" * 2048), "vim.auth_url"),
        (register(extra=struct(a="x" * 70_000)), "vim.extra"),
        (register(auth_cred=struct(password="x" * 70_000)), "vim.auth_cred"),
        (register(extra=struct(a=float("nan"))), "vim.extra"),
        (register(extra=nested(17)), "vim.extra"),
        (register(auth_cred=nested(30)), "vim.auth_cred"),
        (register(vim_project=nested(17, in_lists=True)), "vim.vim_project"),
        (modify(placement_attr=nested(17)), "vim.placement_attr"),
        (register(probe_policy=policy(interval=seconds(0.1))), "vim.probe_policy.interval"),
        (register(probe_policy=policy(interval=seconds(1), timeout=seconds(1))), "vim.probe_policy"),
        (register(probe_policy=policy(timeout=seconds(20))), "vim.probe_policy"),
        (register(probe_policy=policy(fall=11)), "vim.probe_policy.fall"),
        (register(probe_policy=policy(fail_for=seconds(-0.001))), "vim.probe_policy.fail_for"),
        (register(probe_policy=policy(fail_for=seconds(3601))), "vim.probe_policy.fail_for"),
        (modify("probe_policy.fail_for", probe_policy=policy(fail_for=seconds(-1))), "vim.probe_policy.fail_for"),
        (register(probe_policy=policy(method=9)), "vim.probe_policy.method"),
        (register(probe_policy=policy(vantages=["eu", "eu"])), "vim.probe_policy.vantages"),
        (register(probe_policy=policy(vantages=["the moon"])), "vim.probe_policy.vantages[0]"),
        (register(probe_policy=policy(vantages=[f"v{number}" for number in range(9)])), "vim.probe_policy.vantages"),
        (register(probe_policy=policy(vantages=["eu", "us"], quorum=3)), "vim.probe_policy.quorum"),
        (lambda c: c.vims.RegisterVim(pb.RegisterVimRequest(), timeout=30), "vim.name"),
        (
            lambda c: c.vims.RegisterVim(
                pb.RegisterVimRequest(vim=Vim(name="a", type="openstack", auth_url="http://a"), request_id="1"),
                timeout=30,
            ),
            "request_id",
        ),
        (lambda c: c.vims.GetVim(pb.GetVimRequest(vim_id="lab"), timeout=30), "vim_id"),
        (lambda c: c.vims.DeregisterVim(pb.DeregisterVimRequest(), timeout=30), "vim_id"),
        (lambda c: c.vims.ListVims(pb.ListVimsRequest(page_size=-1), timeout=30), "page_size"),
        (lambda c: c.vims.ListVims(pb.ListVimsRequest(page_token="bm9wZQ"), timeout=30), "page_token"),
        (lambda c: c.vims.ListVims(pb.ListVimsRequest(filter="colour = red"), timeout=30), "filter"),
        (lambda c: c.vims.ListVims(pb.ListVimsRequest(filter='name = "a\x00b"'), timeout=30), "filter"),
        (lambda c: c.vims.ListVims(pb.ListVimsRequest(order_by="colour"), timeout=30), "order_by"),
        (lambda c: c.vims.ListVimEvents(pb.ListVimEventsRequest(page_token="x"), timeout=30), "page_token"),
        (modify("name", name=""), "vim.name"),
        (modify("auth_url", auth_url="nope"), "vim.auth_url"),
        (modify("status"), "update_mask"),
        (modify("id"), "update_mask"),
        (modify("colour"), "update_mask"),
        (modify("probe_policy.colour"), "update_mask"),
        (modify("extra.colour"), "update_mask"),
        (modify("*", "project_id"), "update_mask"),
        (modify("*", type="openstack", auth_url="http://a/"), "vim.name"),
        (modify("probe_policy", probe_policy=policy(timeout=seconds(20))), "vim.probe_policy"),
        (modify(id=""), "vim.id"),
        (report(vim_id="lab"), "vim_id"),
        (report(vim_id=""), "vim_id"),
        (report(action_id=""), "action_id"),
        (report(action_id="a" * 256), "action_id"),
        (report(status=0), "status"),
        (report(status=Vim.PENDING), "status"),
        (report(status=99), "status"),
        (report(reason="no word"), "reason"),
        (report(detail="a" * 513), "detail"),
        (report(detail="a\x00b"), "detail"),
        (report(age=seconds(-1)), "age"),
        (report(age=seconds(11 * 366 * 86400)), "age"),
        (report(round_trip=seconds(-1)), "round_trip"),
        (report(round_trip=seconds(3601)), "round_trip"),
        (report(observation=2**63 - 2**22 + 1), "observation"),
        (lambda c: c.conductor.UpdateVims(conductor_service_pb2.UpdateVimsRequest(), timeout=30), "reports"),
        # Times that protobuf itself does not allow: rules that compare them cannot be reckoned out.
        (register(probe_policy=policy(timeout=LONGEST, interval=seconds(5))), "vim.probe_policy.timeout"),
        (register(probe_policy=policy(timeout=seconds(1), interval=LONGEST)), "vim.probe_policy.interval"),
        (register(probe_policy=policy(fail_for=LONGEST)), "vim.probe_policy.fail_for"),
        (register(round_trip=LONGEST), "vim.round_trip"),
        (register(create_time=Timestamp(seconds=10**15)), "vim.create_time"),
        (register(probe_policy=policy(timeout=Duration(nanos=10**9))), "vim.probe_policy.timeout"),
        (register(probe_policy=policy(timeout=Duration(seconds=1, nanos=-1))), "vim.probe_policy.timeout"),
        (modify(probe_policy=policy(timeout=LONGEST, interval=seconds(5))), "vim.probe_policy.timeout"),
        (modify("probe_policy", probe_policy=policy(interval=LONGEST)), "vim.probe_policy.interval"),
        (modify(*["name"] * 101, name="a"), "update_mask"),
        (modify("x" * 256, name="a"), "update_mask"),
        (report(age=LONGEST), "age"),
        (report(round_trip=LONGEST), "round_trip"),
        (report(age=Duration(nanos=2**31 - 1)), "age"),
        (lambda c: c.workflows.ClaimWorkflowTasks(claim(lease=LONGEST), timeout=30), "lease"),
        (lambda c: c.workflows.ClaimWorkflowTasks(claim(lease=seconds(0.5)), timeout=30), "lease"),
        (lambda c: c.workflows.FinishWorkflowTask(finish(retry_after=LONGEST), timeout=30), "retry_after"),
    ],
)
async def test_a_broken_rule_is_an_invalid_argument_that_names_the_field(
    client: Client, call: Call, field: str
) -> None:
    found = await failure(client, call)

    assert (found.code, found.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BAD_INPUT")
    assert field in {violation.field for violation in found.violations}
    assert not (await client.vims.ListVims(pb.ListVimsRequest(), timeout=30)).vims
    assert not (await client.vims.ListVimEvents(pb.ListVimEventsRequest(), timeout=30)).events


async def test_the_deepest_fields_that_are_allowed_come_back_as_they_went_in(client: Client) -> None:
    for deepest in (nested(16), nested(16, in_lists=True)):
        vim = await client.register(extra=deepest)

        assert (await client.get(vim.id)).extra == deepest


async def test_a_request_above_4_mib_is_refused(client: Client) -> None:
    found = await failure(client, register(description="x" * (MAX_MESSAGE_BYTES + 1)))

    assert found.code is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_vim_that_is_not_there_is_not_found(client: Client) -> None:
    for call in (
        lambda c: c.vims.GetVim(pb.GetVimRequest(vim_id=ID), timeout=30),
        lambda c: c.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=ID), timeout=30),
        modify(name="b"),
    ):
        found = await failure(client, call)
        assert (found.code, found.reason) == (grpc.StatusCode.NOT_FOUND, "VIM_NOT_FOUND")
        assert found.metadata == {"vim_id": ID}


async def test_a_name_is_taken_once_in_a_project(client: Client) -> None:
    await client.register(name="lab")
    await client.register(name="lab", project_id="other")

    found = await failure(client, register(name="lab"))

    assert (found.code, found.reason) == (grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN")


async def test_a_project_has_one_default_vim(client: Client) -> None:
    await client.register(is_default=True)

    found = await failure(client, register(is_default=True))

    assert (found.code, found.reason) == (grpc.StatusCode.ALREADY_EXISTS, "DEFAULT_TAKEN")


async def test_a_request_id_makes_a_registration_repeatable(client: Client) -> None:
    request = pb.RegisterVimRequest(
        vim=Vim(name="lab", type="openstack", auth_url="http://127.0.0.1/"), request_id=str(uuid.uuid4())
    )
    first = (await client.vims.RegisterVim(request, timeout=30)).vim

    assert (await client.vims.RegisterVim(request, timeout=30)).vim == first
    request.request_id = request.request_id.upper()
    assert (await client.vims.RegisterVim(request, timeout=30)).vim == first

    request.vim.name = "another"
    found = await failure(client, lambda c: c.vims.RegisterVim(request, timeout=30))
    assert (found.code, found.reason) == (grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED")


async def test_an_old_etag_aborts_and_changes_nothing(client: Client) -> None:
    vim = await client.register()
    await modify("name", id=vim.id, name="second", etag=vim.etag)(client)

    found = await failure(client, modify("name", id=vim.id, name="third", etag=vim.etag))

    assert (found.code, found.reason) == (grpc.StatusCode.ABORTED, "ETAG_MISMATCH")
    assert (await client.get(vim.id)).name == "second"


async def test_an_engine_that_does_not_run_here_is_refused(client: Client) -> None:
    found = await failure(
        client,
        lambda c: c.vims.RegisterVim(
            pb.RegisterVimRequest(
                vim=Vim(name="a", type="openstack", auth_url="http://a/"), engine=vim_pb2.Monitor.MISTRAL
            ),
            timeout=30,
        ),
    )

    assert (found.code, found.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ENGINE_NOT_SERVED")
