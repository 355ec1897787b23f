from __future__ import annotations

import socket
import threading

from tests.support.actions import action, quick_policy
from tests.support.verdicts import Verdicts
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.addresses import Host
from vimesh.monitor.hosting import HostSettings, hosting
from vimesh.monitor.resolver import DOUBT_S, REFRESH_S, LookupFailed, NoSuchName, Outcome, Resolver, look_up_by_system

LOOPBACK = Host(socket.AF_INET, "127.0.0.1")


class Lookups:
    """A resolver whose lookups are answered by hand."""

    def __init__(self) -> None:
        self.time = 0.0
        self.answer: Outcome = (LOOPBACK,)
        self.pending: list[object] = []
        self.resolver = Resolver(
            submit=self.pending.append,
            call_back=lambda back: back(),
            clock=lambda: self.time,
            look_up=lambda _: self.answer,
        )
        self.outcomes: list[Outcome] = []

    def ask(self) -> None:
        self.resolver.ask("vim.example", self.outcomes.append)

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
        lookups.resolver.ask(f"vim-{number}.example", lookups.outcomes.append)
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
