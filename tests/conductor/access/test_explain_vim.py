"""Explains VIMs to those who see them: over gRPC, by the command line, by the clients; and tells nobody a secret."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import grpc
import pytest

from tests.support.callers.commands import Command
from tests.support.deployments.conductors import Client
from tests.support.deployments.scripted_monitor import WITHIN_S
from tests.support.deployments.secured_conductors import (
    ADMIN,
    MONITOR,
    OPERATOR,
    OTHER_OPERATOR,
    READER,
    client_as,
    secured,
)
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.client.async_client import AsyncClient
from vimesh.client.blocking_client import Client as BlockingClient
from vimesh.v1.explanation_pb2 import ExplainVimRequest, Explanation, PossibleChange, VimClaim
from vimesh.v1.vim_pb2 import Monitor, Vim
from vimesh.v1.vim_service_pb2 import RegisterVimRequest
from vimesh.wire.error_statuses import failure_of
from vimesh.wire.free_form import fill

_SECRETS = ("s3cr3t-of-the-cloud", "t0k3n-in-a-url", "pa55-of-extra")


async def explained(client: Client, vim_id: str) -> Explanation:
    return (await client.vims.ExplainVim(ExplainVimRequest(vim_id=vim_id), timeout=WITHIN_S)).explanation


async def refusal(client: Client, vim_id: str) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await explained(client, vim_id)
    return f"{error.value.code().name} {failure_of(error.value).reason}"


def claim_of(explanation: Explanation, kind: VimClaim.Kind.ValueType) -> VimClaim:
    [claim] = [claim for claim in explanation.claims if claim.kind == kind]
    return claim


async def test_a_vim_is_explained_in_sentences_and_facts(client: Client) -> None:
    registering = RegisterVimRequest(
        vim=Vim(name="lab", type="openstack", auth_url="http://192.0.2.1/"), engine=Monitor.EXTERNAL
    )
    vim = (await client.vims.RegisterVim(registering, timeout=WITHIN_S)).vim
    before = await explained(client, vim.id)
    await client.report(vim, Vim.UNREACHABLE, reason="REFUSED")
    after = await explained(client, vim.id)

    assert before.headline.startswith("lab is PENDING since ")
    assert [change.kind for change in before.next] == [PossibleChange.REPORT]
    assert after.headline.startswith("lab is UNREACHABLE (REFUSED) since ")
    assert (after.status, after.reason, after.vim_id) == (Vim.UNREACHABLE, "REFUSED", vim.id)
    assert after.as_of.ToDatetime() > before.as_of.ToDatetime()
    status = claim_of(after, VimClaim.STATUS)
    assert (status.facts["basis"], status.facts["status_time"][-1]) == ("REPORT", "Z")
    assert claim_of(after, VimClaim.POLICY).facts["interval"] == "10s"
    change = claim_of(after, VimClaim.STATUS_CHANGE)
    assert (change.facts["previous_status"], change.facts["revision"]) == ("PENDING", str(after.revision))
    [_, silence] = after.next
    assert (silence.kind, silence.status) == (PossibleChange.SILENCE, Vim.UNKNOWN)
    assert silence.time.ToJsonString() == claim_of(after, VimClaim.LEASE).facts["lease_end"]


async def test_a_vim_that_is_not_there_is_not_explained(client: Client) -> None:
    vim = await client.register()
    await client.deregister(vim.id)

    assert await refusal(client, vim.id) == "NOT_FOUND VIM_NOT_FOUND"
    assert await refusal(client, "not an id") == "INVALID_ARGUMENT BAD_INPUT"


async def test_the_command_line_and_the_clients_explain_it(client: Client, tmp_path: Path) -> None:
    vim = await client.register(name="lab")

    async def shown(*words: str) -> str:
        ended = await asyncio.to_thread(Command(tmp_path), "vim", *words, "--address", client.address)
        assert ended.code == 0, ended.err
        return ended.out

    text = await shown("explain", "lab")
    document = json.loads(await shown("explain", "lab", "-o", "json"))
    async with AsyncClient.connect(client.address) as fleet:
        said = await fleet.vims.explain("lab")

    def blocking() -> Explanation:
        with BlockingClient.connect(client.address) as fleet:
            return fleet.vims.explain(vim.id)

    assert (await asyncio.to_thread(blocking)).headline == said.headline == document["headline"]
    lines = text.splitlines()
    assert lines[:2] == [
        "lab is PENDING since "
        + document["claims"][0]["facts"]["status_time"][11:19]
        + " UTC: no report has arrived yet, and no monitor of the pool is alive at",
        "the vantage default.",
    ]
    assert {"Why:", "What would change it:", "    $ vimesh monitor"} <= set(lines)
    assert max(map(len, lines)) <= 100


async def test_explanations_are_for_those_who_see_the_vim(tmp_path: Path) -> None:
    async with (
        store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store,
        secured(store, tmp_path) as address,
        client_as(address, OPERATOR) as operator,
        client_as(address, OTHER_OPERATOR) as stranger,
        client_as(address, READER) as reader,
        client_as(address, ADMIN) as admin,
        client_as(address, MONITOR) as monitor,
    ):
        vim = Vim(name="lab", auth_url=f"http://u:{_SECRETS[0]}@192.0.2.1:5000/v3?token={_SECRETS[1]}")
        fill(vim.auth_cred, {"username": "nfv", "password": _SECRETS[0]})
        fill(vim.extra, {"password": _SECRETS[2]})
        fields = {field.name: value for field, value in vim.ListFields()}
        registered = await operator.register(project_id="a", **fields)
        action_id = (await store.get(registered.id)).monitor.action_id

        said = {
            name: await explained(one, registered.id) for name, one in (("r", reader), ("o", operator), ("a", admin))
        }
        assert await refusal(stranger, registered.id) == "NOT_FOUND VIM_NOT_FOUND"
        assert await refusal(monitor, registered.id) == "PERMISSION_DENIED PERMISSION_DENIED"

    # As GetVim tells it, too.
    assert [name for name, explanation in said.items() if action_id in str(explanation)] == ["a"]
    for explanation in said.values():
        assert not [secret for secret in _SECRETS if secret in str(explanation)]
        assert claim_of(explanation, VimClaim.MONITOR).facts["vantage_alive"] == "false"
    assert "monitors" not in claim_of(said["r"], VimClaim.MONITOR).facts
    assert claim_of(said["a"], VimClaim.MONITOR).facts["monitors"] == "0"
