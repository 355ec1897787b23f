"""A call with a sampled `traceparent` is one trace of the front, the api process, the conductor and its database."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest
import pytest_asyncio

from tests.support.callers.caller import ask
from tests.support.callers.commands import Command
from tests.support.callers.running import running
from tests.support.deployments.conductors import Client, client_on, report_on
from tests.support.deployments.envoys import PLAIN, RunningEnvoy, running_envoy
from tests.support.deployments.rest_doors import LAB
from tests.support.mistral.mistrals import running_mistral
from tests.support.timing.waiting import eventually
from tests.support.tracing.otlp_receiver import OtlpReceiver, ReceivedSpan, otlp_receiver
from vimesh.envoy.fleet.fleet_file import address
from vimesh.envoy.fleet.front_fleet import FrontTracing
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb

pytestmark = [pytest.mark.timeout(120), pytest.mark.asyncio(loop_scope="module")]

WITHIN_S = 30
FRONT, CONDUCTOR, API, MONITOR = "vimesh-front", "vimesh-conductor", "vimesh-api", "vimesh-monitor"


@dataclass(frozen=True)
class TracedSite:
    envoy: RunningEnvoy
    client: Client
    collector: OtlpReceiver
    settings: dict[str, str]
    """OpenTelemetry's own, for further processes."""
    earlier: frozenset[str] = frozenset()
    """The traces of earlier tests, of which more spans may still come."""

    def traces(self) -> set[str]:
        """Return the traces that came since the test began."""
        return {span.trace_id for span in self.collector.spans} - self.earlier


@asynccontextmanager
async def traced_site(folder: Path, *engine: str, **tracing: Any) -> AsyncGenerator[TracedSite]:  # noqa: ANN401 - fields of FrontTracing
    """Run a front, a conductor and an api process of their own, which send their spans to a collector.

    `engine`: flags of an api process that drives Mistral.
    """
    vimesh = Command(folder)
    database = ("--database-url", "sqlite:///vimesh.sqlite")
    for words in (("make-key", "key"), ("upgrade", *database)):
        assert (await asyncio.to_thread(vimesh, "db", *words)).code == 0
    # Not pytest's folder: the path of a Unix socket has to be short.
    with TemporaryDirectory(prefix="traces-") as sockets:
        listen, api = f"unix:{sockets}/c", f"unix:{sockets}/api"
        async with otlp_receiver() as collector:
            # The collector's address as OpenTelemetry has it, and no pause between batches.
            told = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.address}", "OTEL_BSP_SCHEDULE_DELAY": "50"}
            like = replace(PLAIN, tracing=FrontTracing(address("endpoint", collector.address), **tracing))
            async with running_envoy([listen], api=[api], like=like) as envoy:
                flags = ("--listen", listen, *database, "--key-file", "key", *engine[:2])
                with (
                    running(folder, "conductor", *flags, **told),
                    running(folder, "api", "--listen", api, "--address", envoy.reports_address, *engine, **told),
                ):

                    async def serves() -> bool:
                        return (await ask(envoy.address, "GET", "/v1.0/vims.json")).status == 200

                    await eventually(serves, WITHIN_S)
                    async with grpc.aio.insecure_channel(envoy.address) as channel:
                        yield TracedSite(envoy, client_on(channel, envoy.address), collector, told)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_site(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[TracedSite]:
    async with traced_site(tmp_path_factory.mktemp("traces")) as running_site:
        yield running_site


@pytest.fixture
def site(shared_site: TracedSite) -> TracedSite:
    """Give one site to all tests whose calls are the only ones there: each waits for a span of its trace."""
    return replace(shared_site, earlier=frozenset(shared_site.traces()))


async def test_a_registration_is_one_trace_of_front_conductor_and_database(site: TracedSite) -> None:
    trace_id, caller = secrets.token_hex(16), secrets.token_hex(8)
    call = _register(site, traceparent=f"00-{trace_id}-{caller}-01")
    await call
    request_id = dict(await call.initial_metadata())["x-request-id"]

    spans = await site.collector.until(trace_id, {FRONT: 1, CONDUCTOR: 2}, WITHIN_S)

    [front] = [span for span in spans if span.service == FRONT]
    [served, written] = _path_from(front, spans)
    assert front.parent_id == caller
    assert (served.service, served.name) == (CONDUCTOR, "vimesh.v1.VimService/RegisterVim")
    assert (written.service, written.name) == (CONDUCTOR, "database write")
    assert served.attributes["vimesh.request_id"] == request_id


async def test_by_rest_the_api_process_is_in_the_trace_too(site: TracedSite) -> None:
    trace_id = secrets.token_hex(16)
    headers = {"content-type": "application/json", "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01"}
    answer = await ask(site.envoy.address, "POST", "/v1.0/vims.json", json.dumps({"vim": LAB}), headers)
    assert answer.status == 201

    spans = await site.collector.until(trace_id, {FRONT: 1, API: 1, CONDUCTOR: 2}, WITHIN_S)

    [front] = [span for span in spans if span.service == FRONT]
    assert [span.service for span in _path_from(front, spans)] == [API, CONDUCTOR, CONDUCTOR]


async def test_the_workflow_of_a_registration_starts_in_its_trace(tmp_path: Path) -> None:
    trace_id = secrets.token_hex(16)
    async with (
        running_mistral(tmp_path, {}) as mistral,
        traced_site(tmp_path, "--engine", "mistral", "--mistral-url", mistral.url) as site,
    ):
        await _register(site, traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01")
        await site.collector.until_named("workflow START", WITHIN_S)  # after its parts
        # Both calls, and what each of them wrote.
        spans = await site.collector.until(trace_id, {FRONT: 1, CONDUCTOR: 4}, WITHIN_S)

    [front] = [span for span in spans if span.service == FRONT]
    [served] = [span for span in spans if span.parent_id == front.span_id]
    [written] = [span for span in spans if span.parent_id == served.span_id]
    [started] = [span for span in spans if span.parent_id == written.span_id]
    parts = [span.name for span in spans if span.parent_id == started.span_id]
    assert (started.service, started.name) == (API, "workflow START")
    assert parts.count("Mistral call") == 2  # the workflow, and its execution
    assert parts.count("vimesh.v1.WorkflowService/FinishWorkflowTask") == 1


async def test_a_report_is_one_trace_of_front_conductor_and_its_group(site: TracedSite) -> None:
    trace_id = secrets.token_hex(16)
    vim = (await _register(site)).vim
    report = report_on(vim, vim_pb2.Vim.REACHABLE, 1)
    await site.client.conductor.UpdateVim(report, timeout=30)  # in no trace
    traced = (("traceparent", f"00-{trace_id}-{secrets.token_hex(8)}-01"),)
    await site.client.conductor.UpdateVim(report_on(vim, vim_pb2.Vim.UNREACHABLE, 2), timeout=30, metadata=traced)

    spans = await site.collector.until(trace_id, {FRONT: 1, CONDUCTOR: 2}, WITHIN_S)

    [front] = [span for span in spans if span.service == FRONT]
    assert [span.name for span in _path_from(front, spans)] == [
        "vimesh.v1.ConductorService/UpdateVim",
        "report group",
    ]
    assert site.traces() == {trace_id}


async def test_the_reports_of_a_monitor_begin_traces_by_lot(tmp_path: Path) -> None:
    async with traced_site(tmp_path) as site:
        await _register(site)
        always = {**site.settings, "OTEL_TRACES_SAMPLER": "always_on"}
        flags = ("monitor", "--address", site.envoy.reports_address)
        with running(tmp_path, *flags, **always):
            begun = await site.collector.until_named("report batch", WITHIN_S)
            spans = await site.collector.until(begun.trace_id, {MONITOR: 1, CONDUCTOR: 2}, WITHIN_S)

    assert (begun.service, begun.parent_id) == (MONITOR, "")
    [served] = [span for span in spans if span.parent_id == begun.span_id]
    assert (served.service, served.name) == (CONDUCTOR, "vimesh.v1.ConductorService/UpdateVims")
    # The first report is judged with a read, and then written.
    assert {span.name for span in spans if span.parent_id == served.span_id} == {"report group"}


async def test_a_call_that_fails_is_a_failed_span(site: TracedSite) -> None:
    trace_id = secrets.token_hex(16)
    with pytest.raises(grpc.aio.AioRpcError):
        await site.client.vims.GetVim(
            pb.GetVimRequest(vim_id="0d2b1bcd-b653-4df8-8dd7-f83fb4252da7"),
            timeout=30,
            metadata=(("traceparent", f"00-{trace_id}-{secrets.token_hex(8)}-01"),),
        )

    spans = await site.collector.until(trace_id, {CONDUCTOR: 1}, WITHIN_S)

    failed = {span.name: span.attributes.get("error.type") for span in spans if span.failed}
    assert failed["vimesh.v1.VimService/GetVim"] == "VimNotFound"


async def test_only_calls_that_are_sampled_are_traced(site: TracedSite) -> None:
    unsampled, malformed, sampled = (secrets.token_hex(16) for _ in range(3))
    await _register(site, traceparent=f"00-{unsampled}-{secrets.token_hex(8)}-00")
    await _register(site, traceparent=f"00-{malformed}-no-01")
    await _register(site)
    await _register(site, traceparent=f"00-{sampled}-{secrets.token_hex(8)}-01")

    await site.collector.until(sampled, {FRONT: 1, CONDUCTOR: 2}, WITHIN_S)

    assert site.traces() == {sampled}


async def test_the_front_draws_calls_by_lot_and_may_leave_callers_no_say(tmp_path: Path) -> None:
    wanted = secrets.token_hex(16)
    async with traced_site(tmp_path, sampling_percent=100, callers=False) as site:
        await _register(site, traceparent=f"00-{wanted}-{secrets.token_hex(8)}-01")
        drawn = await site.collector.until_named("vimesh.v1.VimService/RegisterVim", WITHIN_S)

    assert drawn.trace_id != wanted
    assert not site.collector.of_trace(wanted)


def _register(
    site: TracedSite, **metadata: str
) -> grpc.aio.UnaryUnaryCall[pb.RegisterVimRequest, pb.RegisterVimResponse]:
    vim = vim_pb2.Vim(name=f"vim-{secrets.token_hex(4)}", type="openstack", auth_url="http://127.0.0.1:5000/v3")
    return site.client.vims.RegisterVim(pb.RegisterVimRequest(vim=vim), timeout=30, metadata=tuple(metadata.items()))


def _path_from(front: ReceivedSpan, spans: list[ReceivedSpan]) -> list[ReceivedSpan]:
    """Return the spans below the front's, each the parent of the next, of which there is one."""
    path, parent = [], front
    while children := [span for span in spans if span.parent_id == parent.span_id]:
        [parent] = children
        path.append(parent)
    return path
