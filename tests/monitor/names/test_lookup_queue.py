"""How lookups wait for each other: names that no server answers for hold up no other name, and no other VIM."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from statistics import median

from tests.support.networks.name_server import EMPTY, SILENT, NameServer, Script
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.lookups import Lookups, ips, lookups
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.names.lookup_queue import MOST_AT_ONCE, MOST_EXAMINED, LookupQueue, Turn
from vimesh.monitor.names.name_answers import LookupFailed

NAME = "vim.example"
V4, V6 = "192.0.2.1", "2001:db8::1"
A, AAAA = Script((V4,)), Script((V6,))
GARBAGE = Script(raw=lambda message: message[:2] + b"\xff" * 20)
PROMPT_S = 1.0
"""Less than any time-out of a lookup, and more than a busy machine adds to an answer."""


async def test_dead_zones_keep_no_living_name_waiting(server: NameServer) -> None:
    server.script("*.dead.example", a=SILENT, aaaa=SILENT)
    server.script("*.live.example", a=A, aaaa=AAAA)
    with lookups(server.address, most_open=100) as names:
        dead = [asyncio.create_task(names.ask(f"vim-{number}.dead.example")) for number in range(300)]
        await dead[0]  # then it is plain that the zone is silent

        took_s = []
        for number in range(20):
            asked_at = time.monotonic()
            assert await names.ips(f"vim-{number}.live.example") == [V6, V4]
            took_s.append(time.monotonic() - asked_at)

        assert median(took_s) < PROMPT_S
        assert not dead[-1].done()
        assert {type(outcome) for outcome in await asyncio.gather(*dead)} == {LookupFailed}


async def test_who_stands_in_line_is_not_told_of_trouble_of_the_resolver(server: NameServer) -> None:
    server.script("*.example", a=Script((V4,), delay_s=0.4), aaaa=EMPTY)
    with lookups(server.address, most_open=1) as names:
        outcomes = await asyncio.gather(*(names.ask(f"vim-{number}.example") for number in range(7)))

    assert [ips(outcome) for outcome in outcomes] == [[V4]] * 7


async def test_one_zone_that_answers_garbage_harms_no_other_name(server: NameServer, names: Lookups) -> None:
    server.script("*.hostile.example", a=GARBAGE, aaaa=GARBAGE)
    # Late enough to be met by garbage, early enough for the shortest first try (0.25 s) on a busy machine.
    server.script(NAME, a=Script((V4,), delay_s=0.1), aaaa=Script((V6,), delay_s=0.1))

    asked = asyncio.create_task(names.ask(NAME))
    hostile = [asyncio.create_task(names.ask(f"vim-{number}.hostile.example")) for number in range(20)]

    assert sorted(ips(await asked)) == [V4, V6]
    assert {type(outcome) for outcome in await asyncio.gather(*hostile)} == {LookupFailed}


def test_names_that_met_with_silence_leave_room_for_others() -> None:
    ticks: list[Callable[[], None]] = []
    line = LookupQueue(lambda _, tick: ticks.append(tick), 400)
    begun: list[str] = []

    def job(name: str) -> Callable[[], Turn]:
        def begin() -> Turn:
            begun.append(name)
            return Turn.BEGUN

        return begin

    for _ in range(500):
        line.add(job("silent"), urgent=False)
    assert len(begun) == MOST_AT_ONCE
    line.add(job("urgent"), urgent=True)
    while ticks:
        ticks.pop()()

    assert begun.index("urgent") == MOST_AT_ONCE
    assert line.open_jobs == 300
    line.add(job("another"), urgent=True)
    assert begun[-1] == "another"
    line.finish_job()
    line.finish_job()
    assert begun[-1] == "silent"


def test_however_many_jobs_stand_in_line_a_tick_looks_at_few() -> None:
    ticks: list[Callable[[], None]] = []
    line = LookupQueue(lambda _, tick: ticks.append(tick), 1)
    line.add(lambda: Turn.BEGUN, urgent=True)
    turns: list[Turn] = []

    def pass_once() -> Turn:
        turns.append(Turn.DROPPED if len(turns) >= 3000 else Turn.PASSED)
        return turns[-1]

    for _ in range(3000):
        line.add(pass_once, urgent=True)
    line.finish_job()
    assert 0 < len(turns) <= MOST_EXAMINED

    while ticks:
        seen = len(turns)
        ticks.pop()()
        assert len(turns) - seen <= MOST_EXAMINED
    # With room for one, the others have none: they let pass whoever is urgent.
    assert len(turns) == 3000


async def test_a_name_server_that_is_silent_delays_no_vim_that_is_given_by_address(
    server: NameServer, verdicts: Verdicts
) -> None:
    server.script("*.example", a=SILENT, aaaa=SILENT)
    settings = loopback_settings(name_servers=(server.address,))
    with socket.create_server(("127.0.0.1", 0)) as vim, hosting(verdicts.note, settings) as host:
        port = vim.getsockname()[1]
        policy = quick_policy(Method.TCP, fall=1)
        for number in range(50):
            host.start(action(f"http://vim-{number}.example:{port}", policy, vim_id=f"named-{number}"))
        host.start(action(f"http://127.0.0.1:{port}", policy, vim_id="by-address"))

        assert (await verdicts.next_of("by-address")).status is Status.REACHABLE
        assert verdicts.of("named-0") == []
        blind = await verdicts.next_of("named-0")

    assert (blind.status, blind.reason) == (Status.UNKNOWN, Reason.LOCAL_RESOLVER)
