"""One request id names a call in the answer, the front's access log, the conductor's log and the audit."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sqlite3
import uuid
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import pytest
import structlog

from tests.support.callers.caller import Answer, ask, report
from tests.support.deployments.conductors import client_on
from tests.support.deployments.envoys import PLAIN, RunningEnvoy, running_envoy
from tests.support.deployments.rest_doors import LAB
from tests.support.sql.stores import sqlite_url, store_at
from tests.support.timing.waiting import eventually
from vimesh.api.api_process import ApiSettings, run_api
from vimesh.cli.base.command_settings import LogFormat, LogLevel, LogSettings
from vimesh.cli.client.explain_failures import failure
from vimesh.cli.processes import logs
from vimesh.conductor.conductor_process import ConductorSettings, serving
from vimesh.tracing.current_request import REQUEST_ID

pytestmark = pytest.mark.timeout(120)

WITHIN_S = 20
GIVEN = "0f6c1d1e-of-a-trusted-hop"


@pytest.fixture
def log() -> Generator[io.StringIO]:
    """Log as a process does, in JSON."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    logs.set_up(LogSettings(LogLevel.INFO, LogFormat.JSON), stream)
    yield stream
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@dataclass(frozen=True)
class Site:
    envoy: RunningEnvoy
    folder: Path

    def break_store(self) -> None:
        """Let each call fail in the conductor, with a cause that it logs."""
        with closing(sqlite3.connect(self.folder / "vimesh.sqlite", timeout=30)) as database:
            database.execute("ALTER TABLE vims RENAME TO gone")

    def access_lines(self, request_id: str) -> list[dict[str, Any]]:
        """Return what the front's access log says of a request. Envoy writes it when it ends."""
        lines = [json.loads(line) for line in (self.folder / "access.json").read_text().splitlines()]
        return [line for line in lines if line["request_id"] == request_id]

    def audited(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "audit.log").read_text().splitlines()]


@asynccontextmanager
async def site(folder: Path, **front: Any) -> AsyncGenerator[Site]:  # noqa: ANN401 - FrontFleet's
    # Not pytest's folder: the path of a Unix socket has to be short.
    with TemporaryDirectory(prefix="ids-") as sockets:
        settings = ConductorSettings(listen=f"unix:{sockets}/c", audit_file=folder / "audit.log", drain_s=0, grace_s=1)
        api = ApiSettings(address="", listen=f"unix:{sockets}/api", drain_s=0, grace_s=0.1)
        stop = asyncio.Event()
        async with (
            store_at(sqlite_url(folder / "vimesh.sqlite")) as store,
            serving(store, settings),
            running_envoy(
                [settings.listen], api=[api.listen], access_log=folder / "access.json", like=replace(PLAIN, **front)
            ) as envoy,
            asyncio.TaskGroup() as tasks,
        ):
            api = replace(api, address=envoy.reports_address)
            tasks.create_task(run_api(api, stop.wait))

            async def serves() -> bool:
                return (await ask(envoy.address, "GET", "/v1.0/vims.json")).status == 200

            await eventually(serves, WITHIN_S)
            yield Site(envoy, folder)
            stop.set()


def lines_with(log: io.StringIO, request_id: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line.get("request_id") == request_id]


async def test_one_id_is_in_the_answer_the_access_log_the_conductors_line_and_the_audit(
    tmp_path: Path, log: io.StringIO
) -> None:
    async with site(tmp_path) as running, grpc.aio.insecure_channel(running.envoy.address) as channel:
        running.break_store()
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await client_on(channel, running.envoy.address).register()
        request_id = _id_in(failed.value)
    [line] = running.access_lines(request_id)
    [audited] = running.audited()

    assert uuid.UUID(request_id)
    assert line["path"] == "/vimesh.v1.VimService/RegisterVim"
    [logged] = lines_with(log, request_id)
    assert (logged["level"], logged["method"]) in {("warning", line["path"]), ("error", line["path"])}
    assert audited["call_id"] == request_id
    assert failure(failed.value, "").details == [f"request id, as in the logs: {request_id}"]


async def test_a_request_to_the_api_process_keeps_its_id_on_the_way_to_the_conductor(
    tmp_path: Path, log: io.StringIO
) -> None:
    vim = {"vim": LAB}
    async with site(tmp_path) as running:
        running.break_store()
        headers = {"content-type": "application/json"}
        answer = await ask(running.envoy.address, "POST", "/v1.0/vims.json", json.dumps(vim), headers)
        request_id = answer.headers[REQUEST_ID]
    paths = {line["path"] for line in running.access_lines(request_id)}
    [audited] = running.audited()

    assert answer.status >= 500
    assert paths == {"/v1.0/vims.json", "/vimesh.v1.VimService/RegisterVim"}
    assert lines_with(log, request_id)
    assert audited["call_id"] == request_id


async def test_callers_do_not_choose_the_id_but_trusted_hops_do(tmp_path: Path) -> None:
    async with site(tmp_path) as running:
        by_stranger = await _get(running, {REQUEST_ID: GIVEN})
        again = await _get(running, {REQUEST_ID: GIVEN})
        async with grpc.aio.insecure_channel(running.envoy.reports_address) as channel:
            by_reporter = await _report(channel, (REQUEST_ID, GIVEN))
    (tmp_path / "proxied").mkdir()
    async with site(tmp_path / "proxied", trusted_proxies=("127.0.0.0/8",)) as running:
        by_proxy = await _get(running, {REQUEST_ID: GIVEN})
        unnamed = await _get(running, {})

    assert GIVEN not in {by_stranger.headers[REQUEST_ID], again.headers[REQUEST_ID]}
    assert uuid.UUID(by_stranger.headers[REQUEST_ID]) != uuid.UUID(again.headers[REQUEST_ID])
    assert by_reporter == GIVEN
    assert by_proxy.headers[REQUEST_ID] == GIVEN
    assert uuid.UUID(unnamed.headers[REQUEST_ID])


async def test_every_answer_has_an_id_whoever_gives_it(tmp_path: Path) -> None:
    async with site(tmp_path) as running, grpc.aio.insecure_channel(running.envoy.address) as channel:
        by_conductor = await ask(running.envoy.address, "GET", "/v1/vims")
        by_front = await ask(running.envoy.address, "GET", "/nowhere")
        reported = await _report(channel)

    assert (by_conductor.status, by_front.status) == (200, 404)
    assert all(map(uuid.UUID, (by_conductor.headers[REQUEST_ID], by_front.headers[REQUEST_ID], reported)))


async def _get(running: Site, headers: Mapping[str, str]) -> Answer:
    return await ask(running.envoy.address, "GET", "/v1/vims", None, headers)


async def _report(channel: grpc.aio.Channel, *metadata: tuple[str, str]) -> str:
    """Send a report that succeeds; return the id in its answer."""
    call = client_on(channel, "").conductor.UpdateVim(report(str(uuid.uuid4())), timeout=30, metadata=metadata)
    await call
    return str(dict(await call.initial_metadata())[REQUEST_ID])


def _id_in(error: grpc.aio.AioRpcError) -> str:
    pairs = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
    [request_id] = [value for key, value in pairs if key == REQUEST_ID]
    assert isinstance(request_id, str)
    return request_id
