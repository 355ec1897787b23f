"""Answers to pings that are forged, cut short, late or odd: each counts as what it is."""

from __future__ import annotations

import pytest

from tests.support.networks.echoes import echoes_in
from tests.support.networks.namespaces import Namespace
from tests.support.probers.actions import quick_policy
from tests.support.probers.prober import Prober, prober_in
from tests.support.probers.prober_main import PING_IDENTIFIER_S
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status

PING = quick_policy(Method.PING)
NETWORK, VIM = "127.7.0.0/24", "127.7.0.1"
HOSTILE = {f"hostile-{number}": f"127.7.0.{number + 1}" for number in range(20)}
DARK = "127.8.0.1"
KINDS = ("machine", "strict_machine")


def machine_of(request: pytest.FixtureRequest, kind: str) -> Namespace:
    machine: Namespace = request.getfixturevalue(kind)
    return machine


async def start_all(prober: Prober, vims: dict[str, str], policy: ProbePolicy = PING) -> None:
    for vim_id, address in vims.items():
        prober.start(vim_id, f"http://{address}", policy)
    for vim_id in vims:
        await prober.until_status(vim_id, Status.REACHABLE)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_vim_cannot_answer_for_its_neighbour_by_guessing_from_its_own_pings(
    request: pytest.FixtureRequest, kind: str
) -> None:
    machine = machine_of(request, kind)
    machine.drop(HOSTILE.values())
    async with prober_in(machine) as prober, echoes_in(machine, "guess", NETWORK, DARK):
        await start_all(prober, HOSTILE | {"dark": DARK})

        machine.drop([DARK])

        assert (await prober.until_status("dark", Status.UNREACHABLE)).reason == Reason.TIMEOUT
        prober.told.clear()
        prober.start("later", "http://127.8.0.2", PING)
        await prober.until_status("later", Status.REACHABLE)
        assert "dark" not in {told.vim_id for told in prober.told}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", ["empty", "cut"])
async def test_a_host_that_cuts_its_replies_short_is_reachable(
    request: pytest.FixtureRequest, kind: str, rule: str
) -> None:
    machine = machine_of(request, kind)
    machine.drop([VIM])
    async with prober_in(machine) as prober, echoes_in(machine, rule, NETWORK) as echoes:
        prober.start("short", f"http://{VIM}", PING)
        await prober.until_status("short", Status.REACHABLE)

        # Also when it is steady, so that its first pings are those of volleys.
        seen = len(echoes.seen)
        await echoes.until(lambda: len(echoes.seen) >= seen + 8)
        assert {told.status for told in prober.told} == {Status.REACHABLE}


async def test_an_answer_from_another_address_than_the_probed_one_is_none(machine: Namespace) -> None:
    machine.drop([VIM])
    async with prober_in(machine) as prober, echoes_in(machine, "elsewhere", NETWORK, "127.9.9.9"):
        prober.start("mute", f"http://{VIM}", PING)

        assert (await prober.until_status("mute", Status.UNREACHABLE)).reason == Reason.TIMEOUT


@pytest.mark.parametrize("kind", KINDS)
async def test_options_in_the_ip_header_do_not_hide_an_answer(request: pytest.FixtureRequest, kind: str) -> None:
    machine = machine_of(request, kind)
    machine.drop([VIM])
    async with prober_in(machine) as prober, echoes_in(machine, "with options", NETWORK) as echoes:
        await start_all(prober, {"odd": VIM})

        seen = len(echoes.seen)
        await echoes.until(lambda: len(echoes.seen) >= seen + 4)
        assert {told.status for told in prober.told} == {Status.REACHABLE}


@pytest.mark.parametrize("kind", KINDS)
async def test_garbage_is_no_answer_and_harms_no_other_vim(request: pytest.FixtureRequest, kind: str) -> None:
    machine = machine_of(request, kind)
    healthy = {f"healthy-{number}": f"127.2.0.{number + 1}" for number in range(20)}
    machine.drop([VIM])
    async with prober_in(machine) as prober, echoes_in(machine, "garbage", NETWORK):
        prober.start("broken", f"http://{VIM}", PING)
        await start_all(prober, healthy)

        assert (await prober.until_status("broken", Status.UNREACHABLE)).reason == Reason.TIMEOUT
        prober.start("later", "http://127.2.1.1", PING)
        await prober.until_status("later", Status.REACHABLE)

    assert {told.status for told in prober.told if told.vim_id in healthy} == {Status.REACHABLE}


@pytest.mark.parametrize("kind", KINDS)
async def test_identifiers_rotate_and_no_answer_that_is_under_way_is_lost(
    request: pytest.FixtureRequest, kind: str
) -> None:
    """Each answer takes 0.2 s: at each rotation, some are under way. One that is lost makes its VIM unreachable."""
    machine = machine_of(request, kind)
    vims = {f"vim-{number}": f"127.7.0.{number + 1}" for number in range(200)}
    machine.drop(vims.values())
    policy = ProbePolicy(Method.PING, interval_s=1.5, timeout_s=1.4, fall=1)
    async with (
        prober_in(machine, "env", f"{PING_IDENTIFIER_S}=1.5") as prober,
        echoes_in(machine, "late", NETWORK) as echoes,
    ):
        await start_all(prober, vims, policy)
        await echoes.until(lambda: len({identifier for _, identifier in echoes.seen}) >= 4)
        prober.start("last", "http://127.8.0.1", policy)
        await prober.until_status("last", Status.REACHABLE)

    assert {told.status for told in prober.told} == {Status.REACHABLE}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_vim_that_falls_silent_is_asked_by_another_identifier_before_it_is_called_unreachable(
    request: pytest.FixtureRequest, kind: str
) -> None:
    machine = machine_of(request, kind)
    async with prober_in(machine) as prober, echoes_in(machine, "watch", NETWORK) as echoes:
        await start_all(prober, {"vim": VIM})
        await echoes.until(lambda: len(echoes.identifiers(VIM)) >= 3)
        usual = set(echoes.identifiers(VIM))

        machine.drop([VIM])
        await prober.until_status("vim", Status.UNREACHABLE)
        await echoes.until(lambda: bool(set(echoes.identifiers(VIM)) - usual))

    assert len(usual) == 1


async def test_when_no_other_socket_can_be_opened_pings_keep_their_identifier(machine: Namespace) -> None:
    async with (
        prober_in(machine, "env", f"{PING_IDENTIFIER_S}=0.3") as prober,
        echoes_in(machine, "watch", NETWORK) as echoes,
    ):
        await start_all(prober, {"vim": VIM})
        await echoes.until(lambda: len(set(echoes.identifiers(VIM))) >= 3)

        machine.run("sysctl", "-qw", "net.ipv4.ping_group_range=1 0")

        # With an interval of 0.5 s, each would have an identifier of its own.
        await echoes.until(lambda: len(set(echoes.identifiers(VIM)[-6:])) == 1)
        prober.start("last", "http://127.8.0.1", PING)
        await prober.until_status("last", Status.REACHABLE)

    assert {told.status for told in prober.told} == {Status.REACHABLE}
