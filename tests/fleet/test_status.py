"""What `vimesh status` says of real fleets, in health and in trouble, and by which exit code."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.callers.caller import ask
from tests.support.callers.commands import Command, Ended
from tests.support.callers.running import Running, fleet, running
from tests.support.deployments.envoys import RunningEnvoy, running_envoy
from tests.support.sql.stores import sqlite_url
from tests.support.timing.waiting import eventually
from vimesh.domain.fleet.process_announcements import MISSING_AFTER_S

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]

WITHIN_S = 60.0


@dataclass
class Site:
    """Two conductors behind Envoy, and a monitor, each a process of its own."""

    folder: Path
    envoy: RunningEnvoy
    conductors: list[Running]
    monitor: Running

    async def command(self, *arguments: str) -> Ended:
        return await asyncio.to_thread(Command(self.folder, {"VIMESH_ADDRESS": self.envoy.address}), *arguments)

    async def status(self) -> Ended:
        return await self.command("status", "-o", "json")

    async def status_with(self, holds: Callable[[Ended], bool]) -> Ended:
        """Look until what is seen is as expected."""
        seen = Ended(-1, "", "")

        async def looks() -> bool:
            nonlocal seen
            seen = await self.status()
            return holds(seen)

        await eventually(looks, WITHIN_S)
        return seen


@asynccontextmanager
async def site(folder: Path) -> AsyncGenerator[Site]:
    database = ("--database-url", sqlite_url(folder / "vimesh.sqlite"))
    vimesh = Command(folder)
    for arguments in (("make-key", "key"), ("upgrade", *database)):
        assert (await asyncio.to_thread(vimesh, "db", *arguments)).code == 0
    with ExitStack() as processes:

        def start(*arguments: str) -> Running:
            return processes.enter_context(running(folder, *arguments))

        flags = (*database, "--key-file", "key", "--listen", "127.0.0.1:0", "--contact-within", "1s")
        conductors = [start("conductor", *flags) for _ in range(2)]
        ports = [await asyncio.to_thread(_port_of, conductor) for conductor in conductors]
        async with running_envoy([f"127.0.0.1:{port}" for port in ports]) as envoy:
            monitor = start("monitor", "--address", envoy.address)
            yield Site(folder, envoy, conductors, monitor)


def _port_of(conductor: Running) -> str:
    said = re.search(r" port=(\d+)", conductor.line_with("conductor is serving"))
    assert said is not None
    return said[1]


def reasons(seen: Ended) -> set[str]:
    """Return what is wrong, without what a busy machine adds."""
    named = {trouble["reason"] for trouble in seen.json["troubles"]} if seen.out else set()
    return named - {"LOOP_LATE", "DATABASE_SLOW"}


def kinds(seen: Ended, *, missing: bool = False) -> list[str]:
    return [one["kind"] for one in seen.json["processes"] if one["missing"] is missing] if seen.out else []


def all_seen_since_the_last_start(seen: Ended) -> bool:
    """Return whether no process could be taken for one that started in the place of another."""
    processes = seen.json["processes"]
    return bool(min(one["seen_time"] for one in processes) > max(one["start_time"] for one in processes))


def unheard(database: Path, pid: int, seconds: float = MISSING_AFTER_S + 1) -> None:
    """Let time pass since a process, which is gone, was last heard of: all others are older by that, too."""
    micros = round(seconds * 1_000_000)
    with closing(sqlite3.connect(database, timeout=WITHIN_S)) as connection, connection:
        connection.execute("UPDATE processes SET start_time = start_time - ?", (micros,))
        shift = "UPDATE processes SET seen_time = seen_time - ? WHERE pid = ?"
        assert connection.execute(shift, (micros, pid)).rowcount == 1


async def test_a_fleet_in_trouble_says_what_is_wrong(tmp_path: Path) -> None:
    whole = ["CONDUCTOR", "CONDUCTOR", "MONITOR"]
    async with site(tmp_path) as one:
        healthy = await one.status_with(lambda seen: seen.code == 0 and kinds(seen) == whole)
        registered = await one.command(
            "vim", "register", "lab", "--type", "openstack", "--auth-url", "http://192.0.2.1/v3"
        )
        assert registered.code == 0
        await one.status_with(lambda seen: seen.json["vims"]["pending"] == 0)

        await one.status_with(all_seen_since_the_last_start)
        killed, stopped = one.conductors[0].process, one.monitor.process
        killed.kill()
        stopped.send_signal(signal.SIGTERM)
        await asyncio.to_thread(stopped.wait, WITHIN_S)
        no_monitor = await one.status_with(lambda seen: "MONITOR" not in kinds(seen))
        unheard(tmp_path / "vimesh.sqlite", killed.pid)
        dark = await one.status_with(lambda seen: "VIMS_UNWATCHED" in reasons(seen))
        table = await one.command("status")
        by_json = (await ask(one.envoy.address, "GET", "/v1/fleet")).json()

        with running(tmp_path, "monitor", "--address", one.envoy.address):
            watched = await one.status_with(lambda seen: reasons(seen) == {"PROCESS_MISSING"})

    assert (healthy.code, healthy.json["healthy"], reasons(healthy)) == (0, True, set())
    assert "NO_MONITOR" in reasons(no_monitor)
    assert (dark.code, dark.json["healthy"], dark.json["vims"]["unknown"]) == (1, False, 1)
    assert reasons(dark) == {"PROCESS_MISSING", "NO_MONITOR", "VIMS_UNWATCHED"}
    assert [process["pid"] for process in dark.json["processes"] if process["missing"]] == [killed.pid]
    assert [by_json[name] for name in ("vims", "whole_fleet")] == [dark.json[name] for name in ("vims", "whole_fleet")]
    assert table.code == 1
    assert re.search(rf"^CONDUCTOR +\S+ +{killed.pid} +\S+ +MISSING ", table.out, re.MULTILINE)
    assert re.search(r"^vims +1: 1 UNKNOWN$", table.out, re.MULTILINE)
    assert re.search(r"^processes +1 CONDUCTOR \(1 missing\)$", table.out, re.MULTILINE)
    assert re.search(r"^VIMS_UNWATCHED +1 of 1 VIMs", table.out, re.MULTILINE)
    assert (watched.code, kinds(watched)) == (1, ["CONDUCTOR", "MONITOR"])


async def test_a_fleet_that_cannot_be_reached_has_a_code_of_its_own(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        await one.status_with(lambda seen: seen.code == 0)
        for conductor in one.conductors:
            conductor.process.kill()
        no_conductor = await one.status_with(lambda seen: seen.code not in {0, 1})
        os.kill(one.envoy.pid, signal.SIGKILL)
        no_front = await one.status_with(lambda seen: "no gRPC server answers" in seen.err)

    assert (no_conductor.code, no_conductor.out) == (5, "")
    assert (no_front.code, no_front.out) == (5, "")


async def test_a_watch_looks_again_until_it_is_interrupted(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        with running(tmp_path, "status", "--watch", "-o", "json", "--address", one.envoy.address) as watch:
            seen = [json.loads(await asyncio.to_thread(watch.line_with, "{")) for _ in range(2)]
            watch.interrupt()
            code = await asyncio.to_thread(watch.ended)
        by_yaml = await one.command("status", "--watch", "-o", "yaml")

    assert code == 0
    assert seen[0]["time"] < seen[1]["time"]
    assert by_yaml.code == 2


async def test_processes_that_end_in_order_leave_nothing(tmp_path: Path) -> None:
    async with site(tmp_path) as one:
        await one.status_with(lambda seen: len(kinds(seen)) == 3)
        for process in (one.monitor, *one.conductors):
            process.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(process.process.wait, WITHIN_S)
    with closing(sqlite3.connect(tmp_path / "vimesh.sqlite")) as database:
        assert database.execute("SELECT * FROM processes").fetchall() == []


def test_a_conductor_that_was_replaced_is_not_missing(tmp_path: Path) -> None:
    """In a secured fleet, whose front shows a certificate."""
    with fleet(tmp_path, VIMESH_UP_SECURED="yes") as up:
        admin = Command(tmp_path, {"VIMESH_ADDRESS": up.address, "VIMESH_CREDENTIALS": up.state["credentials"]})
        killed = up.pid_of("conductor-1")
        running = ["CONDUCTOR", "CONDUCTOR", "MONITOR", "API", "NOTIFIER", "CONSOLE"]
        wait_for(lambda: kinds(admin("status", "-o", "json")) == running)
        os.kill(killed, signal.SIGKILL)
        unheard(up.data_dir / "vimesh.sqlite", killed)
        wait_for(lambda: {one["pid"] for one in admin("status", "-o", "json").json["processes"]}.isdisjoint({killed}))
        wait_for(lambda: admin("status").code == 0)
        seen, table = admin("status", "-o", "json"), admin("status")

    assert (reasons(seen), kinds(seen, missing=True)) == (set(), [])
    assert {one["identity"] for one in seen.json["processes"]} == {
        *("", "spiffe://vimesh/monitor/local", "spiffe://vimesh/api/local", "spiffe://vimesh/notifier/local"),
        "spiffe://vimesh/console/local",
    }
    assert seen.json["front"]["certificate_end"] is not None
    assert re.search(
        r"^front +127\.0\.0\.1:\d+, answers in \d+ms, its certificate ends in \d+d$", table.out, re.MULTILINE
    )


def wait_for(holds: Callable[[], bool]) -> None:
    async def holds_now() -> bool:
        return await asyncio.to_thread(holds)

    asyncio.run(eventually(holds_now, WITHIN_S))
