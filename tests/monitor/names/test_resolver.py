"""Names are asked for by real questions; what the name server says is scripted."""

from __future__ import annotations

import asyncio
import socket
import time
from functools import partial
from random import Random

import pytest

from tests.support.networks.dns_messages import answer_to, question_of
from tests.support.networks.name_server import EMPTY, NXDOMAIN, REFUSED, SERVFAIL, SILENT, Kind, NameServer, Script
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.lookups import Lookups, ips, lookups
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.verdicts import Verdicts
from tests.support.timing.waiting import until
from vimesh.domain.probing import Method
from vimesh.domain.vims import Status
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.names.name_answers import MAX_ADDRESSES, LookupFailed, NoSuchName, Outcome
from vimesh.monitor.names.resolver import LOOKUP_LIMIT_S, RESOLUTION_DELAY_S

NAME = "vim.example"
V4, V6 = "192.0.2.1", "2001:db8::1"
A, AAAA = Script((V4,)), Script((V6,))
PATIENCE_S = 15.0
_TRIES = 5
"""A busy machine may be later than a lookup waits, or than this one is told of its end."""
PROMPT_S = 1.0
"""Less than any time-out of a lookup, and more than a busy machine adds to an answer."""


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


async def test_one_family_is_used_at_once_and_the_late_answer_of_the_other_is_taken_in(server: NameServer) -> None:
    server.script(NAME, a=A, aaaa=Script((V6,), delay_s=0.3))

    with lookups(server.address, resolution_delay_s=RESOLUTION_DELAY_S) as names:
        assert await names.ips(NAME) == [V4]
        await until(lambda: names.known(NAME) == [V6, V4], PATIENCE_S)


async def test_before_bad_news_both_families_are_waited_for(server: NameServer) -> None:
    server.script(NAME, a=A, aaaa=Script((V6,), delay_s=0.3))
    with lookups(server.address, resolution_delay_s=RESOLUTION_DELAY_S) as names:
        assert await names.ips(NAME) == [V4]

        assert ips(await names.renew(NAME) or ()) == [V6, V4]


async def test_a_silent_name_server_is_waited_for_no_longer_than_the_limit(server: NameServer, names: Lookups) -> None:
    server.script(NAME, a=SILENT, aaaa=SILENT)

    waited_s = []
    for _ in range(_TRIES):
        asked_at = time.monotonic()
        assert isinstance(await names.ask(NAME), LookupFailed)
        waited_s.append(time.monotonic() - asked_at)
        if waited_s[-1] < LOOKUP_LIMIT_S + PROMPT_S:
            break

    assert min(waited_s) < LOOKUP_LIMIT_S + PROMPT_S


@pytest.mark.alone
async def test_a_name_that_takes_its_time_is_waited_for_however_fast_others_are(
    server: NameServer, names: Lookups
) -> None:
    for number in range(20):
        server.serve(f"fast-{number}.example", V4)
        assert await names.ips(f"fast-{number}.example") == [V4]
    slow = [f"slow-{number}.example" for number in range(100)]
    for name in slow:
        server.script(name, a=Script((V4,), delay_s=0.3), aaaa=Script(delay_s=0.3))

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


async def test_of_many_addresses_the_families_take_turns_and_the_loop_hardly_works(
    server: NameServer, names: Lookups
) -> None:
    four = tuple(f"10.1.{number // 250}.{number % 250}" for number in range(4000))
    six = tuple(f"2001:db8::{number:x}" for number in range(1, 2000))
    server.script(NAME, a=Script(four, truncated=True), aaaa=Script(six, truncated=True))

    for _ in range(_TRIES):
        worked_s = time.thread_time()
        outcome = await names.ask(NAME)
        worked_s = time.thread_time() - worked_s
        if not isinstance(outcome, LookupFailed):
            break

    found = ips(outcome)
    assert len(found) == MAX_ADDRESSES
    assert set(found) <= {*four, *six}
    assert worked_s < 0.05
    # One family may be later than it is waited for; it is taken in when it comes.
    await until(lambda: [ip in six for ip in names.known(NAME)] == [True, False] * (MAX_ADDRESSES // 2), PATIENCE_S)


async def test_addresses_are_told_once_and_those_of_ipv4_as_such(server: NameServer, names: Lookups) -> None:
    server.script(NAME, a=Script((V4, "192.0.2.2", V4)), aaaa=Script(("::ffff:192.0.2.2", V6, "::ffff:192.0.2.3")))

    assert await names.ips(NAME) == ["192.0.2.2", V4, V6, "192.0.2.3"]


async def test_the_system_knows_localhost() -> None:
    with lookups() as system:
        assert set(await system.ips("localhost")) <= {"127.0.0.1", "::1"}


async def test_a_name_is_probed_where_the_system_says(verdicts: Verdicts) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, hosting(verdicts.note, loopback_settings()) as host:
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
