from __future__ import annotations

import socket
import threading

from tests.support.actions import action, quick_policy
from tests.support.verdicts import Verdicts
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.addresses import Host
from vimesh.monitor.hosting import HostSettings, hosting
from vimesh.monitor.resolver import (
    DOUBT_S,
    REFRESH_S,
    LookUp,
    LookupFailed,
    NoSuchName,
    Outcome,
    Resolver,
    Waiter,
    look_up_by_system,
)

LOOPBACK = Host(socket.AF_INET, "127.0.0.1")


class Lookups:
    """A resolver whose lookups are answered by hand."""

    def __init__(self, look_up: LookUp | None = None) -> None:
        self.time = 0.0
        self.answer: Outcome = (LOOPBACK,)
        self.pending: list[object] = []
        self.resolver = Resolver(
            submit=self.pending.append,
            call_back=lambda back: back(),
            clock=lambda: self.time,
            look_up=look_up or (lambda _: self.answer),
        )
        self.outcomes: list[Outcome] = []

    def ask(self) -> None:
        self.resolver.ask("vim.example", object(), self.waiter())

    def waiter(self) -> Waiter:
        return Waiter(begun=lambda: None, landed=self.outcomes.append)

    def run(self) -> int:
        """Answer what was asked; say how often that was."""
        jobs, self.pending[:] = self.pending[:], []
        for job in jobs:
            assert callable(job)
            job()
        return len(jobs)


def test_a_name_is_asked_for_once_however_many_wait() -> None:
    lookups = Lookups()
    for _ in range(100):
        lookups.ask()

    assert lookups.run() == 1
    assert lookups.outcomes == [(LOOPBACK,)] * 100


def test_who_asks_again_is_answered_once() -> None:
    lookups = Lookups()
    for _ in range(100):
        lookups.resolver.ask("vim.example", "vim", lookups.waiter())

    lookups.run()

    assert lookups.outcomes == [(LOOPBACK,)]


def test_who_asks_is_told_when_the_lookup_begins_also_if_it_has_begun() -> None:
    heard: list[str] = []

    def ask(who: str) -> None:
        waiter = Waiter(lambda: heard.append(f"{who} begun"), lambda _: heard.append(f"{who} landed"))
        lookups.resolver.ask("vim.example", who, waiter)

    def look_up(_: str) -> Outcome:
        ask("late")
        heard.append("looked up")
        return (LOOPBACK,)

    lookups = Lookups(look_up)
    ask("early")
    assert heard == []

    lookups.run()

    assert heard == ["early begun", "late begun", "looked up", "early landed", "late landed"]


def test_an_old_address_is_used_while_it_is_asked_for_again() -> None:
    lookups = Lookups()
    lookups.ask()
    lookups.run()
    assert lookups.resolver.known("vim.example") == (LOOPBACK,)
    assert lookups.run() == 0

    lookups.time += REFRESH_S
    assert lookups.resolver.known("vim.example") == (LOOPBACK,)
    assert lookups.run() == 1


def test_a_failed_round_makes_an_address_doubtful_but_not_more_than_every_few_seconds() -> None:
    lookups = Lookups()
    lookups.ask()
    lookups.run()
    lookups.resolver.refresh("vim.example")
    assert lookups.run() == 0

    lookups.time += DOUBT_S
    lookups.resolver.refresh("vim.example")
    lookups.resolver.refresh("vim.example")
    assert lookups.run() == 1


def test_a_name_service_that_fails_takes_no_address_away_but_one_that_denies_does() -> None:
    lookups = Lookups()
    lookups.ask()
    lookups.run()
    lookups.time += REFRESH_S

    lookups.answer = LookupFailed("try again")
    lookups.ask()
    lookups.run()
    assert lookups.outcomes[-1] == (LOOPBACK,)
    assert lookups.resolver.known("vim.example") == (LOOPBACK,)

    lookups.answer = NoSuchName("gone")
    lookups.ask()
    lookups.run()
    assert isinstance(lookups.outcomes[-1], NoSuchName)
    assert lookups.resolver.known("vim.example") is None


def test_names_that_nobody_uses_are_forgotten() -> None:
    lookups = Lookups()
    for number in range(3000):
        lookups.resolver.ask(f"vim-{number}.example", object(), lookups.waiter())
        lookups.run()
        lookups.time += 1

    assert lookups.resolver.known("vim-0.example") is None
    assert lookups.resolver.known("vim-2999.example") == (LOOPBACK,)


def test_the_system_knows_localhost() -> None:
    found = look_up_by_system("localhost")

    assert isinstance(found, tuple)
    assert {host.ip for host in found} <= {"127.0.0.1", "::1"}


async def test_a_hanging_resolver_delays_no_vim_that_is_given_by_address(verdicts: Verdicts) -> None:
    release = threading.Event()

    def hang(_: str) -> Outcome:
        release.wait(30)
        return LookupFailed("too late")

    with socket.create_server(("127.0.0.1", 0)) as server, hosting(verdicts.note, HostSettings(look_up=hang)) as host:
        port = server.getsockname()[1]
        policy = quick_policy(Method.TCP, fall=1)
        for number in range(50):
            host.start(action(f"http://vim-{number}.example:{port}", policy, vim_id=f"named-{number}"))
        host.start(action(f"http://127.0.0.1:{port}", policy, vim_id="by-address"))

        assert (await verdicts.next_of("by-address")).status is Status.REACHABLE
        assert verdicts.of("named-0") == []
        blind = await verdicts.next_of("named-0")
        release.set()

    assert (blind.status, blind.reason) == (Status.UNKNOWN, Reason.LOCAL_RESOLVER)


async def test_a_name_is_probed_where_the_system_says(verdicts: Verdicts) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, hosting(verdicts.note, HostSettings()) as host:
        host.start(action(f"http://localhost:{server.getsockname()[1]}", quick_policy(Method.TCP)))

        assert (await verdicts.next_of("vim")).status is Status.REACHABLE
