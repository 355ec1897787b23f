"""ReportConditions: each entry is checked and answered on its own, and only by callers that may report (G1, G14)."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tests.conductor.reports.test_report_scope import ENGINES, Clients, clients, registered
from tests.support.deployments.conductors import Client
from vimesh.v1 import conductor_service_pb2 as pb
from vimesh.v1 import vim_service_pb2
from vimesh.v1.condition_pb2 import Certificate, Condition
from vimesh.v1.vim_pb2 import ProbePolicy, Vim, VimEvent
from vimesh.wire.error_statuses import failure_of

__all__ = ["clients"]

WITHIN_S = 30
READY = Condition(type="ServiceReady", status=Condition.TRUE)


async def deep(client: Client) -> Vim:
    vim = Vim(
        name=str(uuid.uuid4()),
        type="openstack",
        auth_url="https://192.0.2.1:5000/v3",
        probe_policy=ProbePolicy(depth=ProbePolicy.LOGIN, login_interval=Duration(seconds=60)),
    )
    return (await client.vims.RegisterVim(vim_service_pb2.RegisterVimRequest(vim=vim), timeout=WITHIN_S)).vim


async def say(client: Client, *entries: pb.VimConditions) -> list[str]:
    """Return the outcome of each entry: its name, or the reason of its refusal."""
    request = pb.ReportConditionsRequest(vims=entries)
    answer = await client.conductor.ReportConditions(request, timeout=WITHIN_S)
    return [one.WhichOneof("outcome") or "" for one in answer.outcomes]


def entry(vim: Vim, *conditions: Condition, **fields: Any) -> pb.VimConditions:  # noqa: ANN401 - of the message
    known = {"vim_id": vim.id, "action_id": vim.monitor.action_id, "conditions": conditions}
    return pb.VimConditions(**(known | fields))


async def shown(client: Client, vim: Vim) -> Vim:
    return (await client.vims.GetVim(vim_service_pb2.GetVimRequest(vim_id=vim.id), timeout=WITHIN_S)).vim


async def test_each_entry_is_answered_on_its_own(client: Client) -> None:
    vim, other = await deep(client), await deep(client)
    certificate = Certificate(
        issuer="CN=a", not_before=Timestamp(seconds=1), not_after=Timestamp(seconds=9_999_999_999)
    )
    wrong = [
        entry(vim, Condition(type="Reachable", status=Condition.TRUE)),
        entry(vim, READY, READY),
        entry(vim, Condition(type="ServiceReady")),
        entry(vim, Condition(type="ServiceReady", status=Condition.TRUE, reason="not a word")),
        entry(vim, certificate=Certificate(issuer="CN=a")),
        entry(vim, READY, vim_id="x"),
    ]

    said = await say(client, *wrong, entry(other, READY, action_id="old"), entry(vim, READY, certificate=certificate))

    assert said == ["refused"] * len(wrong) + ["bad_action", "recorded"]
    assert {one.type: one.status for one in (await shown(client, vim)).conditions} == {
        "Reachable": Condition.UNKNOWN,
        "ServiceReady": Condition.UNKNOWN,
    }
    assert (await shown(client, vim)).certificate == certificate
    assert not (await shown(client, other)).conditions
    events = await client.vims.ListVimEvents(
        vim_service_pb2.ListVimEventsRequest(vim_id=vim.id, page_size=1), timeout=WITHIN_S
    )
    [event] = events.events
    assert event.kind == VimEvent.CONDITION_CHANGED
    assert [(one.type, one.status) for one in event.conditions] == [("ServiceReady", Condition.TRUE)]
    assert event.certificate == certificate


@pytest.mark.parametrize("count", [0, 501])
async def test_a_call_has_from_1_to_500_entries(client: Client, count: int) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await say(client, *[entry(Vim(id=str(uuid.uuid4())), READY, action_id="a")] * count)

    assert [one.field for one in failure_of(caught.value).violations] == ["vims"]


async def test_a_caller_reports_for_its_engines_and_projects_only(clients: Clients) -> None:
    for engine in ENGINES:
        vim = await registered(clients["admin"], engine)
        valid = Condition(type="CertificateValid", status=Condition.TRUE)
        for name in ENGINES:
            expected = "recorded" if name == engine else "refused"
            assert await say(clients[name], entry(vim, valid)) == [expected]
        if engine == "EXTERNAL":
            assert await say(clients["other"], entry(vim, valid)) == ["bad_action"]


@pytest.mark.parametrize(
    ("method", "depth"),
    [
        *((ProbePolicy.PING, one) for one in (ProbePolicy.API, ProbePolicy.SERVICE, ProbePolicy.LOGIN)),
        (ProbePolicy.TCP, ProbePolicy.SERVICE),
        (ProbePolicy.HTTP, ProbePolicy.ADDRESS),
        (ProbePolicy.METHOD_UNSPECIFIED, ProbePolicy.ADDRESS),
    ],
)
async def test_a_depth_needs_its_method(
    client: Client, method: ProbePolicy.Method.ValueType, depth: ProbePolicy.Depth.ValueType
) -> None:
    vim = Vim(name="a", type="openstack", auth_url="http://192.0.2.1/", probe_policy=ProbePolicy(method=method))
    vim.probe_policy.depth = depth
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.vims.RegisterVim(vim_service_pb2.RegisterVimRequest(vim=vim), timeout=WITHIN_S)

    [violation] = failure_of(caught.value).violations
    assert violation.field == "vim.probe_policy.depth"
    assert "needs the method" in violation.description
    assert violation.description.endswith("change one of them")


async def test_a_policy_shows_its_depth_and_how_often_it_logs_in(client: Client) -> None:
    vim = await deep(client)

    assert vim.probe_policy.depth == ProbePolicy.LOGIN
    assert vim.probe_policy.login_interval == Duration(seconds=60)
    change = Vim(id=vim.id, probe_policy=ProbePolicy(depth=ProbePolicy.SERVICE))
    answer = await client.vims.ModifyVim(vim_service_pb2.ModifyVimRequest(vim=change), timeout=WITHIN_S)
    modified = answer.vim
    assert modified.probe_policy.depth == ProbePolicy.SERVICE
    assert modified.probe_policy.login_interval == Duration(seconds=60)
