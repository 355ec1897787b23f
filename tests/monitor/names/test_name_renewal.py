"""How long an answer is used, when a name is looked up again, and when it is forgotten."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.support.networks.name_server import EMPTY, NameServer, Script
from tests.support.probers.lookups import Lookups, ips
from tests.support.probers.scripted_prober import Timer
from vimesh.monitor.names.name_answers import MAX_ADDRESSES, Empty, NameAddresses, OnAnswer, Outcome
from vimesh.monitor.names.resolver import FORGET_S, Resolver
from vimesh.monitor.net.ip_addresses import IpHost

NAME = "vim.example"
V4, V6 = "192.0.2.1", "2001:db8::1"
A, AAAA = Script((V4,)), Script((V6,))


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


async def test_names_that_nobody_uses_are_forgotten(server: NameServer, names: Lookups) -> None:
    server.script("*.example", a=A, aaaa=EMPTY)
    await asyncio.gather(*(names.ask(f"vim-{number}.example") for number in range(1024)))
    names.time += FORGET_S
    assert names.known("vim-1.example") == [V4]

    await names.ask("one-more.example")

    assert names.resolver.cached_hosts("vim-0.example") is None
    assert names.known("vim-1.example") == [V4]
