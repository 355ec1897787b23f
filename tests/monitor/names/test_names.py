"""Names: whatever addresses a VIM has, and whatever its name server does, the status is what a plain model says."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Iterable
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

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
    system_files,
)
from tests.support.networks.namespaces import Namespace
from tests.support.probers.prober import Prober, prober_in
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status

SERVER_IP = "127.0.0.53"
SLOW_S = 0.4
CONVERGES_S = 30.0
"""On a busy machine, a name server in a thread of the test falls behind hundreds of names."""
POLICY = ProbePolicy(Method.PING, interval_s=2.0, timeout_s=1.0)
RULES = ((1, 1), (3, 1), (2, 3))
"""fall and rise"""

SETS = {
    "none": "",
    "one": "4+",
    "one dead": "4-",
    "one of IPv6": "6+",
    "behind dead IPv6": "6- 6- 6- 6- 6- 4+",
    "last of eight": "4- 4- 4- 4- 4- 4- 4- 4+",
    "IPv6 behind dead IPv4": "4- 4- 6+",
    "one alive in the middle": "4- 6- 4+ 6- 4-",
    "several": "4+ 4- 6+ 6-",
    "all dead": "4- 4- 6- 6-",
}
"""Addresses by family: alive (+) or dead (-)."""

RIGHT, SLOW = "right", "slow"
OTHERS = {"servfail": SERVFAIL, "refused": REFUSED, "empty": EMPTY, "nxdomain": NXDOMAIN, "silent": SILENT}
TROUBLE = {"servfail", "refused", "silent"}
PAIRS = (
    (RIGHT, RIGHT),
    (SLOW, SLOW),
    (SLOW, RIGHT),
    (RIGHT, "silent"),
    ("silent", RIGHT),
    (RIGHT, "servfail"),
    ("servfail", RIGHT),
    ("servfail", "empty"),
    ("empty", "silent"),
    ("refused", "nxdomain"),
    ("servfail", "servfail"),
    ("silent", "silent"),
    ("empty", "empty"),
    ("nxdomain", "nxdomain"),
    ("nxdomain", "empty"),
    ("empty", RIGHT),
)
"""What the server does with questions for A and for AAAA."""


class Addresses:
    """Hands out addresses of the namespace, no two alike; the dead ones are to be dropped there."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.dead: list[str] = []

    def take(self, form: str) -> str:
        family, state = form[0], form[1]
        number = next(self._numbers)
        address = f"127.7.{number // 250}.{number % 250 + 1}" if family == "4" else f"fd00::{number:x}"
        if state == "-":
            self.dead.append(address)
        return address


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    addresses: str
    a: str
    aaaa: str
    fall: int
    rise: int

    @property
    def url(self) -> str:
        return f"http://{self.name}"

    @property
    def policy(self) -> ProbePolicy:
        return ProbePolicy(Method.PING, POLICY.interval_s, POLICY.timeout_s, self.fall, self.rise)

    def visible(self) -> list[str]:
        """Return the addresses that the name server gives out."""
        told = {"4": self.a in {RIGHT, SLOW}, "6": self.aaaa in {RIGHT, SLOW}}
        return [form for form in self.addresses.split() if told[form[0]]]

    def expected(self) -> tuple[Status, str]:
        """Say what the status is, by the plain model."""
        visible = self.visible()
        if any(form.endswith("+") for form in visible):
            return Status.REACHABLE, ""
        if TROUBLE & {self.a, self.aaaa}:
            return Status.UNKNOWN, Reason.LOCAL_RESOLVER
        return Status.UNREACHABLE, Reason.TIMEOUT if visible else Reason.DNS


def cases() -> list[Case]:
    """Return every set of addresses under every behaviour of the name server, by each rule."""
    product = itertools.product(SETS.values(), PAIRS, RULES)
    return [
        Case(f"vim-{number}.lab.test", addresses, a, aaaa, fall, rise)
        for number, (addresses, (a, aaaa), (fall, rise)) in enumerate(product)
    ]


def script_of(how: str, addresses: Iterable[str]) -> Script:
    return OTHERS.get(how) or Script(tuple(addresses), ttl_s=0, delay_s=SLOW_S if how == SLOW else 0.0)


def serve(server: NameServer, case: Case, pool: Addresses) -> list[str]:
    """Have the name server answer as the case says; return the addresses."""
    given = [(form, pool.take(form)) for form in case.addresses.split()]
    four, six = ([address for form, address in given if form[0] == family] for family in "46")
    server.script(case.name, a=script_of(case.a, four), aaaa=script_of(case.aaaa, six))
    return [*four, *six]


@pytest.fixture
async def lab(machine: Namespace) -> AsyncGenerator[tuple[NameServer, Prober]]:
    """Give a name server of a namespace, and a prober that asks it."""
    with ExitStack() as scope:
        scope.enter_context(system_files(machine, resolv_conf=f"nameserver {SERVER_IP}\n"))
        server = scope.enter_context(name_server(SERVER_IP, 53, machine))
        async with prober_in(machine) as prober:
            yield server, prober


def differences(prober: Prober, expected: dict[str, tuple[Status, str]]) -> dict[str, object]:
    """Return what is not as expected."""
    now = {name: (told.status, told.reason) for name, told in prober.now.items()}
    return {name: (now.get(name), wanted) for name, wanted in expected.items() if now.get(name) != wanted}


async def converge(prober: Prober, expected: dict[str, tuple[Status, str]]) -> None:
    try:
        await prober.until(lambda: not differences(prober, expected), patience_s=CONVERGES_S)
    except TimeoutError:
        pytest.fail(f"not as the model says: {differences(prober, expected)}")


@pytest.mark.timeout(120)
async def test_a_status_is_what_the_addresses_and_the_name_server_make_it(
    machine: Namespace, lab: tuple[NameServer, Prober]
) -> None:
    server, prober = lab
    pool = Addresses()
    tried = cases()
    for case in tried:
        serve(server, case, pool)
    machine.drop(pool.dead)

    for case in tried:
        prober.start(case.name, case.url, case.policy)
    expected = {case.name: case.expected() for case in tried}
    await converge(prober, expected)

    # Nobody was accused on the way: on a busy machine, an answer of the name server may come too late.
    unsure = (Status.UNKNOWN, Reason.LOCAL_RESOLVER)
    assert [told for told in prober.told if (told.status, told.reason) not in {expected[told.vim_id], unsure}] == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("bad", ["servfail", "silent", "refused"])
async def test_a_name_server_in_trouble_takes_no_address_away(
    machine: Namespace, lab: tuple[NameServer, Prober], bad: str
) -> None:
    server, prober = lab
    pool = Addresses()
    tried = [
        Case(f"vim-{number}.lab.test", addresses, RIGHT, RIGHT, fall, rise)
        for number, (addresses, (fall, rise)) in enumerate(itertools.product(SETS.values(), RULES))
        if "+" in addresses
    ]
    given = {case.name: serve(server, case, pool) for case in tried}
    machine.drop(pool.dead)
    for case in tried:
        prober.start(case.name, case.url, case.policy)
    await converge(prober, {case.name: (Status.REACHABLE, "") for case in tried})

    # Half of the names lose one family only: the other one says that it has none.
    for number, case in enumerate(tried):
        other = EMPTY if number % 2 else OTHERS[bad]
        server.script(case.name, a=OTHERS[bad], aaaa=other if "6+" not in case.addresses else OTHERS[bad])
    asked = {case.name: server.count(case.name, Kind.A) for case in tried}
    for name, times in asked.items():
        await asyncio.to_thread(server.await_question, name, Kind.A, after=times + 1)
    # All addresses fall silent: only now there is news.
    assert [told for told in prober.told if told.status is not Status.REACHABLE] == []
    machine.drop({address for addresses in given.values() for address in addresses} - set(pool.dead))
    await converge(prober, {case.name: (Status.UNREACHABLE, Reason.TIMEOUT) for case in tried})


@pytest.mark.timeout(120)
async def test_a_name_that_moves_is_followed_without_bad_news(
    machine: Namespace, lab: tuple[NameServer, Prober]
) -> None:
    server, prober = lab
    pool = Addresses()
    names = [
        Case(f"vim-{number}.lab.test", "4+", RIGHT, RIGHT, fall, rise) for number, (fall, rise) in enumerate(RULES * 4)
    ]
    old = {case.name: serve(server, case, pool) for case in names}
    for case in names:
        prober.start(case.name, case.url, case.policy)
    await converge(prober, {case.name: (Status.REACHABLE, "") for case in names})

    targets = ("4+", "6+", "4- 4+", "6- 6- 4+")
    new: dict[str, list[str]] = {}
    for case, addresses in zip(names, itertools.cycle(targets), strict=False):
        new[case.name] = serve(server, Case(case.name, addresses, RIGHT, RIGHT, 1, 1), pool)
    dead = set(pool.dead)
    machine.drop(dead | {address for addresses in old.values() for address in addresses})

    # That the new ones are probed shows when they fall silent.
    asked = {case.name: server.count(case.name, Kind.A) for case in names}
    for name, times in asked.items():
        await asyncio.to_thread(server.await_question, name, Kind.A, after=times)
    machine.drop({address for addresses in new.values() for address in addresses} - dead)
    await converge(prober, {case.name: (Status.UNREACHABLE, Reason.TIMEOUT) for case in names})
    assert [told.status for told in prober.told].count(Status.UNREACHABLE) == len(names)
