"""Notifiers as processes of a secured fleet: people manage receivers, one notifier dies, and another one takes over."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.notifications.moody_receiver import moody_receiver
from tests.support.callers.commands import Command, Ended
from tests.support.callers.running import fleet, running
from tests.support.timing.waiting import eventually, until

pytestmark = [pytest.mark.fleet, pytest.mark.alone, pytest.mark.timeout(240)]

WITHIN_S = 60
TAKEN_OVER_S = 10.0


class User:
    """A user at a shell, beside a loop that serves receivers."""

    def __init__(self, command: Command) -> None:
        self._command = command

    async def __call__(self, *arguments: str) -> Ended:
        return await asyncio.to_thread(self._command, *arguments)

    async def receiver(self, name: str) -> Any:  # noqa: ANN401 - what JSON holds
        return (await self("receiver", "show", name, "-o", "json")).json

    async def until_claimed(self, name: str, holds: Callable[[str], bool]) -> str:
        """Wait until the notifier that works for a receiver is such a one, and return its name."""

        async def is_claimed() -> bool:
            return holds((await self.receiver(name))["notifier_id"])

        await eventually(is_claimed, WITHIN_S)
        return str((await self.receiver(name))["notifier_id"])


async def test_the_receivers_of_a_notifier_that_is_killed_are_taken_over(tmp_path: Path) -> None:
    async with moody_receiver(None) as pager:
        with fleet(tmp_path, "--conductors", "1", VIMESH_UP_SECURED="yes") as up:
            settings = {"VIMESH_ADDRESS": up.address, "VIMESH_CREDENTIALS": up.state["credentials"]}
            user = User(Command(tmp_path, settings))
            file = tmp_path / "pager.json"
            target = {"url": pager.url, "bearer_token": "t0ken"}
            file.write_text(json.dumps({"name": "pager", "cloud_events": target, "group_wait": "0s"}))

            created = await user("receiver", "create", "--file", str(file), "-o", "json")
            tested = await user("receiver", "test", "pager", "--wait-timeout", "60s")

            assert created.json["cloud_events"]["bearer_token"] == "***"
            assert (tested.code, tested.out) == (0, "pager took the test\n")
            first = await user.until_claimed("pager", bool)
            sockets, certificates = up.data_dir / "sockets", up.data_dir / "certs" / "notifier" / "local"
            flags = ("--address", f"unix:{sockets / 'reports'}", "--credentials", str(certificates))
            with running(tmp_path, "notify", *flags, "--notifier-id", "spare", "--target-allow", "127.0.0.0/8"):
                await until(lambda: _process_id_of(first) == up.pid_of("notifier"), WITHIN_S)
                await eventually(lambda: _lists(user, "NOTIFIER", 2), WITHIN_S)
                began = time.monotonic()
                os.kill(up.pid_of("notifier"), signal.SIGKILL)
                await user("vim", "register", "lab", "--auth-url", "http://127.0.0.1:9/v3")
                await until(lambda: len(pager.arrivals) == 2, WITHIN_S)

                assert time.monotonic() - began < TAKEN_OVER_S
                assert await user.until_claimed("pager", lambda holder: holder != first) != first
                shown = await user.receiver("pager")
                assert not shown["last_error"]
                assert (await user("vim", "deregister", "lab")).code == 0
                await until(lambda: len(pager.arrivals) == 3, WITHIN_S)
                assert [[change.kind for change in each.changes] for each in pager.arrivals] == [
                    *([], ["PROBLEM"], ["RESOLVED"]),
                ]
            assert (await user("receiver", "delete", "pager")).code == 0


async def _lists(user: User, kind: str, count: int) -> bool:
    processes: list[dict[str, Any]] = (await user("status", "-o", "json")).json["processes"]
    return [process["kind"] for process in processes].count(kind) == count


def _process_id_of(notifier_id: str) -> int:
    """Return the number that a notifier has put into the name that it gave itself."""
    return int(notifier_id.split("-")[-2])
