"""One connection of ours at each server, and none where it did harm."""

from __future__ import annotations

import socket

from tests.support.probers.actions import action
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.idle.server_memory import LATE_S, MOST_UNWILLING_S, UNWILLING_S, ServerMemory
from vimesh.monitor.targets.target import Target

THERE = ProbeAddress(socket.AF_INET, ("127.0.0.1", 80))
OTHER_PORT = ProbeAddress(socket.AF_INET, ("127.0.0.1", 81))
ONE, TWO = (Target(action(f"http://127.0.0.1/{name}", vim_id=name)) for name in ("one", "two"))


class Known:
    """What is known of servers, at a time that is set by hand."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.servers = ServerMemory(clock=lambda: self.time)

    def lasting_s(self) -> float:
        """Return how long no connection may stand, from now on."""
        begun = self.time
        while not self.servers.claim(THERE, ONE):
            self.time += LATE_S / 10
        self.servers.vacate(THERE, ONE)
        return round(self.time - begun)


def test_one_target_at_a_time_has_the_place_at_an_address() -> None:
    servers = Known().servers
    assert servers.claim(THERE, ONE)
    assert servers.claim(THERE, ONE)
    assert not servers.claim(THERE, TWO)
    assert servers.claim(OTHER_PORT, TWO)

    servers.vacate(THERE, TWO)
    assert servers.holder(THERE) is ONE

    servers.vacate(THERE, ONE)
    assert servers.claim(THERE, TWO)


def test_each_harm_that_follows_soon_is_remembered_twice_as_long_but_no_longer_than_a_day() -> None:
    known = Known()
    lasting_s = []
    for _ in range(10):
        known.servers.refuse(THERE)
        lasting_s.append(known.lasting_s())

    assert lasting_s[:4] == [UNWILLING_S, 2 * UNWILLING_S, 4 * UNWILLING_S, 8 * UNWILLING_S]
    assert lasting_s[-1] == MOST_UNWILLING_S
    assert known.servers.claim(OTHER_PORT, ONE)


def test_a_server_that_has_behaved_for_long_begins_from_the_start() -> None:
    known = Known()
    known.servers.refuse(THERE)
    known.lasting_s()
    known.time += UNWILLING_S

    known.servers.refuse(THERE)

    assert known.lasting_s() == UNWILLING_S


def test_a_server_that_is_late_again_and_again_is_asked_ever_less_often() -> None:
    known = Known()
    lasting_s = []
    for _ in range(3):
        known.servers.refuse(THERE, LATE_S)
        lasting_s.append(known.lasting_s())

    assert lasting_s == [LATE_S, 2 * LATE_S, 4 * LATE_S]


def test_what_is_noticed_twice_counts_once() -> None:
    known = Known()
    known.servers.refuse(THERE)
    known.servers.refuse(THERE)

    assert known.lasting_s() == UNWILLING_S
