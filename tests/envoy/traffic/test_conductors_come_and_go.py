"""Conductors die, stop, drain, come and go under load: no caller notices."""

from __future__ import annotations

import asyncio
import signal
from contextlib import closing
from pathlib import Path

import pytest
from grpc import aio

from tests.envoy.killable import killable
from tests.envoy.scripted import HOLD_S, WAITING, Scripted, scripted
from tests.support.callers.caller import LIMIT_S, WHAT_MAY_BE_MADE_TWICE, ask, list_vims, report, reporting
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.timing.waiting import eventually, until
from vimesh.rpc.rpc_table import READ_S
from vimesh.v1.conductor_service_pb2_grpc import ConductorServiceStub
from vimesh.v1.vim_pb2 import Vim
from vimesh.v1.vim_service_pb2 import RegisterVimRequest
from vimesh.v1.vim_service_pb2_grpc import VimServiceStub

CALLERS = 48


async def test_calls_are_spread(envoy: RunningEnvoy, first: Scripted, second: Scripted) -> None:
    async with reporting(envoy.address, callers=CALLERS) as load:
        await load.until_more(1000)

    assert not load.failed
    assert min(load.answered[first.port], load.answered[second.port]) > 250


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
async def test_no_call_is_lost_when_a_conductor_ends(end: signal.Signals, second: Scripted) -> None:
    async with killable() as dying, running_envoy([dying.address, second.address]) as envoy:
        await envoy.until_healthy([dying.address, second.address])
        async with reporting(envoy.address, callers=CALLERS, kinds=WHAT_MAY_BE_MADE_TWICE) as load:
            await load.until(lambda answered: answered[dying.port] > 100 and answered[second.port] > 100)
            dying.process.send_signal(end)
            await dying.process.wait()
            await load.until_more(2000)

    assert not load.failed


@pytest.mark.alone
async def test_none_of_three_thousand_calls_is_lost_when_one_of_two_conductors_is_killed(second: Scripted) -> None:
    async with (
        killable() as dying,
        running_envoy([dying.address, second.address]) as envoy,
        aio.insecure_channel(envoy.address) as channel,
    ):
        await envoy.until_healthy([dying.address, second.address])
        stub = ConductorServiceStub(channel)
        calls = [stub.UpdateVim(report("WAIT"), timeout=4 * LIMIT_S) for _ in range(3000)]
        await eventually(lambda: are_under_way(envoy, len(calls)), LIMIT_S)

        dying.process.kill()
        WAITING.set()
        try:
            await asyncio.gather(*calls)
        finally:
            WAITING.clear()

    assert len(second.calls) == len(calls)


async def are_under_way(envoy: RunningEnvoy, count: int) -> bool:
    """Say whether there are so many at conductors and in line for them."""
    stats = [await envoy.stat(f"cluster.reports.upstream_rq_{name}") for name in ("active", "pending_active")]
    return sum(stats) == count


async def test_no_call_is_lost_when_one_of_three_conductors_is_killed_again_and_again(
    first: Scripted, second: Scripted
) -> None:
    living = [first.address, second.address]
    async with running_envoy(living) as envoy:
        await envoy.until_healthy(living)
        async with reporting(envoy.address, callers=CALLERS, kinds=WHAT_MAY_BE_MADE_TWICE) as load:
            for _ in range(3):
                async with killable() as dying:
                    envoy.replace_conductors([*living, dying.address])
                    await envoy.until_healthy([*living, dying.address])
                    await load.until(lambda answered, port=dying.port: answered[port] > 20)  # type: ignore[misc]  # mypy cannot infer a default
                    dying.process.kill()
                    await dying.process.wait()
                    await load.until_more(500)

    assert not load.failed


async def test_when_all_conductors_but_one_die_at_once_no_call_is_lost_but_those_under_way(second: Scripted) -> None:
    async with killable() as one, killable() as other:
        everyone = [one.address, other.address, second.address]
        async with running_envoy(everyone) as envoy:
            await envoy.until_healthy(everyone)
            async with reporting(envoy.address, callers=CALLERS) as load:
                await load.until(lambda answered: min(answered[one.port], answered[other.port]) > 100)
                one.process.kill()
                other.process.kill()
                await envoy.until_healthy([second.address])
                # A call is made twice at most: the second time it may come to the other one that died. So a caller
                # loses the call under way, and perhaps the next one, begun before three failures took each of them out.
                lost = len(load.failed)
                await load.until_more(500)

    assert len(load.failed) == lost <= 2 * CALLERS


async def test_a_conductor_that_hangs_costs_no_call_and_none_its_whole_deadline(second: Scripted) -> None:
    async with killable() as hanging, running_envoy([hanging.address, second.address]) as envoy:
        everyone = [hanging.address, second.address]
        await envoy.until_healthy(everyone)
        # Most of these wait in Envoy, where the one that hangs draws them all.
        async with (
            reporting(envoy.address, callers=CALLERS, kinds=WHAT_MAY_BE_MADE_TWICE, limit_s=READ_S) as load,
            reporting(envoy.address, callers=CALLERS // 4, kinds=[list_vims], limit_s=READ_S) as lists,
        ):
            await load.until(lambda answered: answered[hanging.port] > 100)
            await lists.until_more(200)
            hanging.process.send_signal(signal.SIGSTOP)
            await envoy.until_healthy([second.address])
            await load.until_more(500)
            await lists.until_more(100)

        # The block above waited for every call that was begun.
        assert not load.failed + lists.failed
        assert 1 < max(load.longest_s, lists.longest_s) < 0.8 * READ_S
        hanging.process.send_signal(signal.SIGCONT)
        await envoy.until_healthy(everyone)


async def test_a_conductor_that_is_busy_for_seconds_keeps_its_calls() -> None:
    async with (
        killable() as busy,
        running_envoy([busy.address]) as envoy,
        aio.insecure_channel(envoy.address) as channel,
    ):
        await envoy.until_healthy([busy.address])
        answer = await ConductorServiceStub(channel).UpdateVim(report("HOLD"), timeout=4 * HOLD_S)

        assert answer.newest_observation == busy.port
        assert await envoy.stat("cluster.reports.http2.keepalive_timeout") == 0
        assert await envoy.stat("cluster.reports.upstream_rq_retry") == 0


async def test_conductors_are_added_and_removed_without_a_restart_or_a_lost_call() -> None:
    async with scripted() as old, scripted() as new, running_envoy([old.address]) as envoy:
        await envoy.until_healthy([old.address])
        async with reporting(envoy.address, callers=CALLERS) as load:
            await load.until_more(100)
            envoy.replace_conductors([old.address, new.address])
            await load.until(lambda answered: answered[new.port] > 100)

            envoy.replace_conductors([new.address])
            await envoy.until_healthy([new.address])
            # What was on its way when the file was read is answered; then the old one is idle.
            await load.until_more(10 * CALLERS)
            asked = len(old.calls)
            await load.until_more(500)
            assert len(old.calls) == asked
            await old.server.stop(None)
            await load.until_more(500)

    assert not load.failed


async def test_a_conductor_that_says_not_serving_gets_no_more_calls(
    envoy: RunningEnvoy, first: Scripted, second: Scripted
) -> None:
    async with reporting(envoy.address, callers=CALLERS) as load:
        await load.until(lambda answered: answered[first.port] > 100)
        await first.say_not_serving()
        await envoy.until_healthy([second.address])
        await load.until_more(CALLERS)
        asked = len(first.calls)
        await load.until_more(500)
        assert len(first.calls) == asked

    assert not load.failed


async def test_health_is_asked_where_the_endpoint_file_says(
    envoy: RunningEnvoy, first: Scripted, second: Scripted
) -> None:
    async with scripted() as health:
        envoy.replace_conductors([first.address, second.address], health_port=health.port)
        await envoy.until_healthy([first.address, second.address])
        await first.say_not_serving()
        await second.say_not_serving()
        assert (await ask(envoy.address, "GET", "/v1/vims/some")).status == 200

        await health.say_not_serving()
        await envoy.until_healthy([])


async def test_conductors_that_all_fail_their_checks_explain_themselves(
    envoy: RunningEnvoy, first: Scripted, second: Scripted
) -> None:
    await first.say_not_serving()
    await second.say_not_serving()
    await envoy.until_healthy([])

    answer = await ask(envoy.address, "GET", "/v1/vims/VIM_UNAVAILABLE_FINAL")

    assert (answer.status, answer.json()["message"]) == (503, "says the script")
    assert len(first.calls + second.calls) == 1


async def test_what_is_under_way_at_a_conductor_that_drains_is_finished(
    envoy: RunningEnvoy, channel: aio.Channel, first: Scripted, second: Scripted
) -> None:
    vims = VimServiceStub(channel)
    changes = [vims.RegisterVim(RegisterVimRequest(vim=Vim(name="WAIT")), timeout=LIMIT_S) for _ in range(8)]
    await until(lambda: len(first.calls + second.calls) == len(changes), LIMIT_S)

    await first.say_not_serving()
    await envoy.until_healthy([second.address])
    WAITING.set()

    assert {(await change).vim.name for change in changes} == {"WAIT"}


async def test_a_conductor_that_starts_late_is_found() -> None:
    async with scripted() as late:
        address = late.address
    async with running_envoy([address]) as envoy:
        assert (await ask(envoy.address, "GET", "/v1/vims/some")).status == 503
        async with scripted(port=late.port):
            await envoy.until_healthy([address])
            assert (await ask(envoy.address, "GET", "/v1/vims/some")).status == 200


async def test_a_request_log_has_no_query_and_no_body(tmp_path: Path, first: Scripted) -> None:
    log = tmp_path / "access.json"
    async with running_envoy([first.address], access_log=log) as envoy:
        await envoy.until_healthy([first.address])
        body = '{"vim": {"name": "a", "auth_cred": {"password": "secret-1"}}}'
        await ask(envoy.address, "POST", "/v1/vims", body, {"content-type": "application/json"})
        await ask(envoy.address, "GET", "/v1/vims?filter=secret-2", headers={"authorization": "secret-3"})

    written = log.read_text()
    assert written.count("\n") == 2
    assert '"path":"/v1/vims"' in written
    assert "secret" not in written


async def test_tackers_paths_go_to_the_api_processes(first: Scripted) -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            # A health check connects and says nothing.
            if request := await reader.readline():
                line = request.split()[1]
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n" % len(line))
                writer.write(b"connection: close\r\n\r\n%s" % line)

    async with await asyncio.start_server(hello, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with running_envoy([first.address], api=[f"127.0.0.1:{port}"]) as envoy:
            answer = await ask(envoy.address, "GET", "/v1.0/vims?name=a")

    assert (answer.status, answer.body) == (200, b"/v1.0/vims?name=a")
