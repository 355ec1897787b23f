"""Errors cross the wire as typed statuses, and nothing internal does."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from tests.support.deployments.conductors import Client, client_at
from vimesh.domain import errors
from vimesh.domain.access import credential_errors
from vimesh.domain.causes import cause_errors
from vimesh.domain.maintenance import window_errors
from vimesh.domain.notifications import receiver_errors
from vimesh.domain.pool import pool_errors
from vimesh.domain.probes import probe_errors
from vimesh.domain.views import vantage_errors
from vimesh.domain.vims import Engine
from vimesh.rpc.admission.overload_answers import NO_RETRY
from vimesh.rpc.guarded_server import GuardedServer
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_service_pb2_grpc import VimServiceServicer, add_VimServiceServicer_to_server
from vimesh.wire.error_statuses import STATUS, failure_of
from vimesh.wire.message_rules import Rules

ID = "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"

RAISED = [
    errors.BadInput(errors.Violation("vim.name", "too odd")),
    errors.PageTokenInvalid(),
    errors.FilterInvalid("no such field"),
    errors.IdentityRequired("show a certificate or a token"),
    errors.PermissionDenied("GetVim needs the role reader"),
    errors.VimNotFound(ID),
    pool_errors.MonitorNotFound(ID),
    cause_errors.CauseNotFound(ID),
    pool_errors.AssignmentChanged(),
    pool_errors.TooManyMonitors(100),
    probe_errors.NoMonitor(),
    probe_errors.MonitorSilent(ID, 1.5),
    probe_errors.ProbedElsewhere(ID, Engine.EXTERNAL),
    credential_errors.LoginNotWanted(ID),
    credential_errors.InsecureFleet(),
    credential_errors.CredentialsUnreadable(ID),
    probe_errors.ProbeRateExceeded("lab", 0.5),
    window_errors.WindowNotFound(ID),
    window_errors.TooManyWindows(1000),
    errors.TodoNotFound(ID),
    errors.NameTaken("lab", "default"),
    errors.DefaultTaken("default"),
    errors.VimIdTaken(ID),
    errors.RequestIdReused(ID),
    errors.EtagMismatch(ID),
    errors.NotInApplySet("lab", "team"),
    errors.ApplyConflict("lab", ["labels.region"]),
    errors.RevisionCompacted(17),
    errors.RevisionUnknown(17),
    errors.EventUnreadable(17),
    receiver_errors.ReceiverNotFound(ID),
    receiver_errors.NotificationNotFound(ID),
    receiver_errors.ReceiverNameTaken("ops"),
    receiver_errors.ReceiverDisabled(ID),
    receiver_errors.ClaimLost(ID),
    receiver_errors.TooManyReceivers(100),
    errors.TimeNotKept(dt.datetime(2026, 10, 1, tzinfo=dt.UTC)),
    errors.EngineNotServed("MISTRAL"),
    vantage_errors.OlderConductors(2),
    errors.QuotaExceeded("lab", errors.Quota.VIMS, 5),
    errors.ChangeRateExceeded("lab", 5, 0.5),
    errors.StoreUnavailable(),
    errors.Overloaded(),
]


class Failing(VimServiceServicer):
    """Raises what it is told to, from a unary call and from within a stream."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def GetVim(self, request: pb.GetVimRequest, context: Any) -> pb.GetVimResponse:  # noqa: ANN401, N802, ARG002 - as gRPC has it
        raise self._error

    async def WatchVims(self, request: pb.WatchVimsRequest, context: Any) -> AsyncIterator[pb.WatchVimsResponse]:  # noqa: ANN401, N802, ARG002 - as gRPC has it
        yield pb.WatchVimsResponse(revision=1)
        raise self._error


@asynccontextmanager
async def failing_with(error: Exception) -> AsyncGenerator[Client]:
    server = grpc.aio.server()
    edge: Any = GuardedServer(server, Rules())
    add_VimServiceServicer_to_server(Failing(error), edge)  # type: ignore[abstract]  # the other calls are not made
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with client_at(f"127.0.0.1:{port}") as client:
        yield client
    await server.stop(None)


async def failures(client: Client) -> list[grpc.aio.AioRpcError]:
    """Fail both ways."""
    with pytest.raises(grpc.aio.AioRpcError) as unary:
        await client.get(ID)
    stream = client.vims.WatchVims(pb.WatchVimsRequest(), timeout=5)
    assert (await anext(aiter(stream))).revision == 1
    with pytest.raises(grpc.aio.AioRpcError) as streamed:
        await anext(aiter(stream))
    return [unary.value, streamed.value]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
async def test_a_domain_error_arrives_with_its_code_reason_and_metadata(error: errors.VimeshError) -> None:
    async with failing_with(error) as client:
        for failed in await failures(client):
            failure = failure_of(failed)
            assert (failure.code, failure.reason) == STATUS[type(error)]
            assert failure.message == str(error)
            assert failure.metadata == error.metadata
            assert failure.violations == (error.violations if isinstance(error, errors.BadInput) else ())


def test_the_table_above_has_every_error() -> None:
    assert {type(error) for error in RAISED} == set(STATUS)


async def test_another_conductor_is_asked_only_if_it_may_know_better() -> None:
    for error, elsewhere in (
        (errors.StoreUnavailable(), False),
        (errors.EventUnreadable(17), True),
        (probe_errors.NoMonitor(), True),
        (probe_errors.MonitorSilent(ID, 1), False),
    ):
        async with failing_with(error) as client:
            for failed in await failures(client):
                assert failed.code() is grpc.StatusCode.UNAVAILABLE
                assert (NO_RETRY in tuple(failed.trailing_metadata() or ())) is not elsewhere


async def test_a_defect_tells_a_number_and_nothing_else() -> None:
    async with failing_with(ValueError("password=secret")) as client:
        for failed in await failures(client):
            failure = failure_of(failed)
            assert (failure.code, failure.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
            assert failure.metadata["error_id"] in failure.message
            assert "secret" not in repr(failed)


async def test_a_thousand_bad_fields_do_not_lose_the_status() -> None:
    error = errors.BadInput(*(errors.Violation(f"vim.extra.{n}" * 50, "x" * 5000) for n in range(1000)))
    async with failing_with(error) as client:
        for failed in await failures(client):
            assert failure_of(failed).reason == "BAD_INPUT"


async def test_the_longest_status_is_one_that_every_client_takes() -> None:
    """Above 8 KiB, a client of gRPC refuses headers at random: it would be seen in some of these calls."""
    wide = "\N{CLOUD}" * 2000
    for error in (
        errors.BadInput(*(errors.Violation(wide, wide) for _ in range(1000))),
        errors.NameTaken(wide[:255], wide[:255]),
        errors.FilterInvalid(wide),
    ):
        async with failing_with(error) as client:
            for _ in range(20):
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await client.vims.GetVim(pb.GetVimRequest(vim_id=ID))
                failure = failure_of(raised.value)
                assert (failure.code, failure.reason) == (STATUS[type(error)][0], STATUS[type(error)][1])
                assert 0 < len(failure.message.encode()) <= 400
