"""Names are asked for by real questions; what the name server says is scripted."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, Callable, Generator
from functools import partial
from random import Random

import pytest

from tests.support.networks.dns_messages import answer_to, question_of
from tests.support.networks.name_server import (
    EMPTY,
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    SILENT,
    Kind,
    NameServer,
    Script,
    name_server,
)
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.lookups import Lookups, ips, lookups
from tests.support.probers.scripted_prober import Timer
from tests.support.probers.verdicts import Verdicts
from tests.support.timing.waiting import until
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.build_host import HostSettings, hosting
from vimesh.monitor.names.lookup_queue import MOST_AT_ONCE, MOST_EXAMINED, LookupQueue, Turn
from vimesh.monitor.names.name_answers import (
    MAX_ADDRESSES,
    Empty,
    LookupFailed,
    NameAddresses,
    NoSuchName,
    OnAnswer,
    Outcome,
)
from vimesh.monitor.names.resolver import FORGET_S, LOOKUP_LIMIT_S, Resolver
from vimesh.monitor.net.ip_addresses import IpHost

NAME = "vim.example"
V4, V6 = "192.0.2.1", "2001:db8::1"
A, AAAA = Script((V4,)), Script((V6,))
GARBAGE = Script(raw=lambda message: message[:2] + b"\xff" * 20)
PATIENCE_S = 15.0
PROMPT_S = 1.0
"""Less than any time-out of a lookup, and more than a busy machine adds to an answer."""


class ScriptedLookUp:
    """Answers when the test says so, with one IPv4 address. Time stands still meanwhile."""

    def __init__(self, ttl_s: float | None) -> None:
        self.time = 1000.0
        self.asked: list[tuple[str, OnAnswer]] = []
        self._ttl_s = ttl_s
        self.resolver = Resolver(
            look_up=lambda name, tell: self.asked.append((name, tell)),
            call_later=Timer,
            clock=lambda: self.time,
        )

    def answer(self) -> None:
        asked, self.asked = self.asked, []
        for _, tell in asked:
            tell(socket.AF_INET, NameAddresses((IpHost(socket.AF_INET, V4),), self._ttl_s))
            tell(socket.AF_INET6, Empty("none"))


@pytest.fixture
def server() -> Generator[NameServer]:
    with name_server() as server:
        yield server


@pytest.fixture
async def names(server: NameServer) -> AsyncGenerator[Lookups]:
    with lookups(server.address) as asking:
        yield asking


@pytest.mark.parametrize(
    ("a", "aaaa", "expected"),
    [
        (A, AAAA, [V6, V4]),
        (A, EMPTY, [V4]),
        (EMPTY, AAAA, [V6]),
        (A, NXDOMAIN, [V4]),
        (A, SERVFAIL, [V4]),
        (A, SILENT, [V4]),
        (REFUSED, AAAA, [V6]),
        (EMPTY, EMPTY, NoSuchName),
        (NXDOMAIN, NXDOMAIN, NoSuchName),
        (SERVFAIL, EMPTY, LookupFailed),
        (SERVFAIL, NXDOMAIN, LookupFailed),
        (EMPTY, REFUSED, LookupFailed),
        (SILENT, EMPTY, LookupFailed),
        (NXDOMAIN, SILENT, LookupFailed),
        (SERVFAIL, SERVFAIL, LookupFailed),
        (REFUSED, REFUSED, LookupFailed),
        (SILENT, SILENT, LookupFailed),
    ],
    ids=str,
)
async def test_a_name_has_no_address_only_if_that_is_said_for_both_families(
    server: NameServer, names: Lookups, a: Script, aaaa: Script, expected: list[str] | type
) -> None:
    server.script(NAME, a=a, aaaa=aaaa)

    outcome = await names.ask(NAME)

    assert (ips(outcome) if isinstance(expected, list) else type(outcome)) == expected


async def test_a_name_server_that_is_not_there_is_trouble_and_says_nothing_about_names() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"127.0.0.1:{taken.getsockname()[1]}"  # over UDP nobody listens there
        with lookups(nobody) as asking:
            assert isinstance(await asking.ask(NAME), LookupFailed)


async def test_one_family_is_used_at_once_and_the_late_answer_of_the_other_is_taken_in(
    server: NameServer, names: Lookups
) -> None:
    server.script(NAME, a=A, aaaa=Script((V6,), delay_s=0.3))

    assert await names.ips(NAME) == [V4]
    await until(lambda: names.known(NAME) == [V6, V4], PATIENCE_S)


async def test_before_bad_news_both_families_are_waited_for(server: NameServer, names: Lookups) -> None:
    server.script(NAME, a=A, aaaa=Script((V6,), delay_s=0.3))
    assert await names.ips(NAME) == [V4]

    assert ips(await names.renew(NAME) or ()) == [V6, V4]


async def test_a_silent_name_server_is_waited_for_no_longer_than_the_limit(server: NameServer, names: Lookups) -> None:
    server.script(NAME, a=SILENT, aaaa=SILENT)

    asked_at = time.monotonic()
    assert isinstance(await names.ask(NAME), LookupFailed)
    assert time.monotonic() - asked_at < LOOKUP_LIMIT_S + PROMPT_S


@pytest.mark.alone
async def test_a_name_that_takes_its_time_is_waited_for_however_fast_others_are(
    server: NameServer, names: Lookups
) -> None:
    for number in range(20):
        server.serve(f"fast-{number}.example", V4)
        assert await names.ips(f"fast-{number}.example") == [V4]
    slow = [f"slow-{number}.example" for number in range(30)]
    for name in slow:
        server.script(name, a=Script((V4,), delay_s=0.4), aaaa=Script(delay_s=0.4))

    assert await asyncio.gather(*map(names.ips, slow)) == [[V4]] * len(slow)


@pytest.mark.parametrize("trouble", [SERVFAIL, REFUSED, SILENT])
async def test_trouble_takes_no_address_away(server: NameServer, names: Lookups, trouble: Script) -> None:
    server.script(NAME, a=A, aaaa=AAAA)
    await names.ask(NAME)
    names.time += 10

    server.script(NAME, a=trouble, aaaa=trouble)

    assert ips(await names.renew(NAME) or ()) == [V6, V4]
    assert names.known(NAME) == [V6, V4]


async def test_what_a_family_has_lost_is_dropped_while_the_other_is_in_trouble(
    server: NameServer, names: Lookups
) -> None:
    server.serve(NAME, V4, V6)
    await names.ask(NAME)
    names.time += 10

    server.script(NAME, a=SERVFAIL, aaaa=EMPTY)
    assert ips(await names.renew(NAME) or ()) == [V4]

    names.time += 10
    server.script(NAME, a=NXDOMAIN, aaaa=NXDOMAIN)
    assert isinstance(await names.renew(NAME), NoSuchName)
    assert names.resolver.cached_hosts(NAME) is None


async def test_a_name_that_moves_is_seen_to_move_however_long_its_old_address_may_be_kept(
    server: NameServer, names: Lookups
) -> None:
    server.serve(NAME, V4, ttl_s=3600)
    await names.ask(NAME)
    server.serve(NAME, "192.0.2.2", ttl_s=3600)
    names.time += 5

    assert ips(await names.renew(NAME) or ()) == ["192.0.2.2"]
    assert names.known(NAME) == ["192.0.2.2"]


@pytest.mark.parametrize(("ttl_s", "doubtful_after_s"), [(0, 0), (1, 1), (5, 1), (3600, 1)])
async def test_before_bad_news_an_address_is_looked_up_again_when_it_is_old(
    server: NameServer, names: Lookups, ttl_s: int, doubtful_after_s: float
) -> None:
    server.serve(NAME, V4, ttl_s=ttl_s)
    await names.ask(NAME)

    names.time += doubtful_after_s - 0.1
    if doubtful_after_s:
        assert await names.renew(NAME) is None
    names.time += 0.1
    assert ips(await names.renew(NAME) or ()) == [V4]


async def test_a_name_with_more_addresses_than_are_kept_is_asked_for_rarely(server: NameServer, names: Lookups) -> None:
    server.serve(NAME, *(f"192.0.2.{number}" for number in range(1, MAX_ADDRESSES + 2)), ttl_s=1)
    await names.ask(NAME)

    names.time += 59.9
    assert await names.renew(NAME) is None
    names.time += 0.1
    assert len(ips(await names.renew(NAME) or ())) == MAX_ADDRESSES


@pytest.mark.parametrize(("ttl_s", "renewed_after_s"), [(None, 60), (0, 5), (20, 20), (3600, 60), (2**31, 60)])
def test_an_address_is_renewed_in_the_background_and_used_meanwhile(
    ttl_s: float | None, renewed_after_s: float
) -> None:
    script = ScriptedLookUp(ttl_s)
    script.resolver.look_up(NAME, "vim", lambda _: None)
    script.answer()

    script.time += renewed_after_s - 0.1
    assert script.resolver.cached_hosts(NAME) == (IpHost(socket.AF_INET, V4),)
    assert script.asked == []
    script.time += 0.1
    assert script.resolver.cached_hosts(NAME) == script.resolver.cached_hosts(NAME) == (IpHost(socket.AF_INET, V4),)
    assert [name for name, _ in script.asked] == [NAME]


async def test_a_name_is_asked_for_once_however_many_wait(server: NameServer, names: Lookups) -> None:
    server.serve(NAME, V4)

    outcomes = await asyncio.gather(*(names.ask(NAME) for _ in range(100)))

    assert {tuple(ips(outcome)) for outcome in outcomes} == {(V4,)}
    assert server.count(NAME, Kind.A) == server.count(NAME, Kind.AAAA) == 1


async def test_who_asks_again_is_answered_once_and_who_cancels_is_not(server: NameServer, names: Lookups) -> None:
    server.serve(NAME, V4)
    heard: list[tuple[str, Outcome]] = []
    for who in ("twice", "cancelled", "twice"):
        names.resolver.look_up(NAME, who, lambda outcome, who=who: heard.append((who, outcome)))  # type: ignore[misc]  # mypy infers no default
    names.resolver.cancel(NAME, "cancelled")
    names.resolver.cancel("other.example", "cancelled")
    assert heard == []

    await names.ask(NAME)

    assert [who for who, _ in heard] == ["twice"]


def test_who_asks_anew_when_it_is_told_waits_for_the_new_answer() -> None:
    script = ScriptedLookUp(ttl_s=0)
    heard: list[tuple[str, Outcome]] = []

    def doubt(outcome: Outcome) -> None:
        heard.append(("ask", outcome))
        assert script.resolver.renew(NAME, "vim", lambda outcome: heard.append(("renew", outcome)))

    script.resolver.look_up(NAME, "vim", doubt)
    script.answer()
    assert [which for which, _ in heard] == ["ask"]
    script.answer()

    assert heard == [(which, (IpHost(socket.AF_INET, V4),)) for which in ("ask", "renew")]


def test_an_answer_that_took_its_time_is_not_doubted_as_soon_as_it_is_there() -> None:
    script = ScriptedLookUp(ttl_s=60)
    script.resolver.look_up(NAME, "vim", lambda _: None)
    script.time += 1.5
    script.answer()

    assert not script.resolver.renew(NAME, "vim", lambda _: None)
    assert script.asked == []


async def test_dead_zones_keep_no_living_name_waiting(server: NameServer) -> None:
    server.script("*.dead.example", a=SILENT, aaaa=SILENT)
    server.script("*.live.example", a=A, aaaa=AAAA)
    with lookups(server.address, most_open=100) as names:
        dead = [asyncio.create_task(names.ask(f"vim-{number}.dead.example")) for number in range(300)]
        await dead[0]  # then it is plain that the zone is silent

        for number in range(20):
            asked_at = time.monotonic()
            assert await names.ips(f"vim-{number}.live.example") == [V6, V4]
            assert time.monotonic() - asked_at < PROMPT_S

        assert not dead[-1].done()
        assert {type(outcome) for outcome in await asyncio.gather(*dead)} == {LookupFailed}


async def test_who_stands_in_line_is_not_told_of_trouble_of_the_resolver(server: NameServer) -> None:
    server.script("*.example", a=Script((V4,), delay_s=0.4), aaaa=EMPTY)
    with lookups(server.address, most_open=1) as names:
        outcomes = await asyncio.gather(*(names.ask(f"vim-{number}.example") for number in range(7)))

    assert [ips(outcome) for outcome in outcomes] == [[V4]] * 7


async def test_one_zone_that_answers_garbage_harms_no_other_name(server: NameServer, names: Lookups) -> None:
    server.script("*.hostile.example", a=GARBAGE, aaaa=GARBAGE)
    server.script(NAME, a=Script((V4,), delay_s=0.3), aaaa=Script((V6,), delay_s=0.3))

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


async def test_of_many_addresses_the_families_take_turns_and_the_loop_hardly_works(
    server: NameServer, names: Lookups
) -> None:
    four = tuple(f"10.1.{number // 250}.{number % 250}" for number in range(4000))
    six = tuple(f"2001:db8::{number:x}" for number in range(1, 2000))
    server.script(NAME, a=Script(four, truncated=True), aaaa=Script(six, truncated=True))

    worked_s = time.thread_time()
    found = await names.ips(NAME)
    worked_s = time.thread_time() - worked_s

    assert len(found) == MAX_ADDRESSES
    assert set(found) <= {*four, *six}
    assert worked_s < 0.05
    # One family may be later than it is waited for; it is taken in when it comes.
    await until(lambda: [ip in six for ip in names.known(NAME)] == [True, False] * (MAX_ADDRESSES // 2), PATIENCE_S)


async def test_addresses_are_told_once_and_those_of_ipv4_as_such(server: NameServer, names: Lookups) -> None:
    server.script(NAME, a=Script((V4, "192.0.2.2", V4)), aaaa=Script(("::ffff:192.0.2.2", V6, "::ffff:192.0.2.3")))

    assert await names.ips(NAME) == ["192.0.2.2", V4, V6, "192.0.2.3"]


async def test_names_that_nobody_uses_are_forgotten(server: NameServer, names: Lookups) -> None:
    server.script("*.example", a=A, aaaa=EMPTY)
    await asyncio.gather(*(names.ask(f"vim-{number}.example") for number in range(1024)))
    names.time += FORGET_S
    assert names.known("vim-1.example") == [V4]

    await names.ask("one-more.example")

    assert names.resolver.cached_hosts("vim-0.example") is None
    assert names.known("vim-1.example") == [V4]


async def test_the_system_knows_localhost() -> None:
    with lookups() as system:
        assert set(await system.ips("localhost")) <= {"127.0.0.1", "::1"}


async def test_a_name_server_that_is_silent_delays_no_vim_that_is_given_by_address(
    server: NameServer, verdicts: Verdicts
) -> None:
    server.script("*.example", a=SILENT, aaaa=SILENT)
    settings = HostSettings(name_servers=(server.address,))
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


async def test_a_name_is_probed_where_the_system_says(verdicts: Verdicts) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, hosting(verdicts.note, HostSettings()) as host:
        host.start(action(f"http://localhost:{server.getsockname()[1]}", quick_policy(Method.TCP)))

        assert (await verdicts.next_of("vim")).status is Status.REACHABLE


async def test_whatever_bytes_a_name_server_answers_there_is_an_outcome(server: NameServer, names: Lookups) -> None:
    random = Random(13)
    server.script("*.example", a=A, aaaa=AAAA)
    count = 300
    for number in range(count):
        name = f"vim-{number}.example"
        for kind, ip in ((Kind.A, V4), (Kind.AAAA, V6)):
            server.change(name, kind, Script(raw=partial(mutated, Random(random.random()), ip)))

    outcomes = await asyncio.gather(*(names.ask(f"vim-{number}.example") for number in range(count)))

    assert len(outcomes) == count
    assert {type(outcome) for outcome in outcomes} >= {tuple, LookupFailed}
    server.serve("sound.example", V4)
    assert await names.ips("sound.example") == [V4]


def mutated(random: Random, ip: str, message: bytes) -> bytes:
    """Return a right answer of which some bytes were changed, dropped or added; most keep the question's number."""
    question = question_of(message)
    assert question is not None
    answer = bytearray(answer_to(question, 0, [ip] * random.randrange(1, 4), 60))
    for _ in range(random.randrange(1, 6)):
        at = random.randrange(2 if random.random() < 0.9 else 0, len(answer))
        match random.randrange(3):
            case 0:
                answer[at] = random.randrange(256)
            case 1:
                answer = answer[: max(at, 12)]
            case _:
                answer[at:at] = random.randbytes(random.randrange(1, 40))
    return bytes(answer)
