"""Which connection stands while others are made, and what is learnt when one was in the way."""

from __future__ import annotations

import socket
from collections.abc import Generator
from contextlib import ExitStack

import pytest

from tests.support.probers.actions import action, quick_policy
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.connection import Connection
from vimesh.monitor.probes.http.http_connection import HttpConnection
from vimesh.monitor.probes.idle.connection_keeper import ConnectionKeeper
from vimesh.monitor.probes.idle.idle_connections import LIFE_S, IdleConnections
from vimesh.monitor.probes.idle.server_memory import LATE_S, ServerMemory
from vimesh.monitor.probes.idle.server_trials import MOST_TRIALS, PROVEN_S, TRIAL
from vimesh.monitor.targets.target import Target

THERE = ProbeAddress(socket.AF_INET, ("127.0.0.1", 9))
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Desk:
    """A keeper, its clock, and connections that are never made: they hear what a test says."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.kept = IdleConnections(clock=self.now, servers=ServerMemory(clock=self.now), most=100, most_encrypted=0)
        self.closed: list[Connection] = []
        self.trials: list[HttpConnection] = []
        self._scope = ExitStack()
        self.keeper = ConnectionKeeper(
            clock=self.now,
            idle_connections=self.kept,
            open_trial=self._open_trial,
            release=self._release,
            has_room=lambda: True,
        )

    def now(self) -> float:
        return self.time

    def close(self) -> None:
        self._scope.close()

    def make(self, target: Target, number: int = 1, address: ProbeAddress = THERE) -> HttpConnection:
        """Make a connection as for a probe."""
        connection = HttpConnection(target, number, address, self.now, "vimesh/test", LIFE_S)
        self._scope.callback(connection.close)
        self.keeper.free_address_for(connection)
        return connection

    def answered(self, target: Target, number: int = 1) -> HttpConnection:
        connection = self.make(target, number)
        connection._judge(PLAIN)
        return connection

    def standing(self, target: Target) -> HttpConnection:
        """Return a connection that stands, at a server that is known to have workers to spare."""
        connection = self.answered(target)
        connection.proven_at = self.time
        assert self.keeper.keep(connection)
        return connection

    def begin_to_renew(self, target: Target) -> None:
        self.time += 2 * LIFE_S
        assert self.keeper.reuse(target, 1, THERE) is None

    def may_keep(self, target: Target) -> bool:
        return self.kept.life_s(target, THERE, encrypted=False) > 0

    def _open_trial(self, target: Target, address: ProbeAddress) -> HttpConnection:
        connection = HttpConnection(target, TRIAL, address, self.now, "vimesh/test", LIFE_S)
        self._scope.callback(connection.close)
        self.trials.append(connection)
        return connection

    def _release(self, connection: Connection) -> None:
        self.closed.append(connection)
        self.keeper.note_closed(connection, ())


@pytest.fixture
def desk() -> Generator[Desk]:
    made = Desk()
    yield made
    made.close()


def vim(name: str = "vim", fall: int = 3, timeout_s: float = 1) -> Target:
    """Return a target in whose round the first probe is under way."""
    policy = quick_policy(interval_s=10, timeout_s=timeout_s, fall=fall)
    target = Target(action("http://127.0.0.1:9", policy, vim_id=name))
    target.track.sent = 1
    return target


def test_the_old_connection_stands_until_the_new_one_is_answered(desk: Desk) -> None:
    target = vim()
    old = desk.standing(target)
    desk.begin_to_renew(target)
    assert desk.closed == []

    new = desk.answered(target)

    assert desk.keeper.keep(new)
    assert desk.closed == [old]
    assert not desk.keeper.is_busy()  # that both stood is proof enough


def test_after_an_hour_the_server_is_tried_again(desk: Desk) -> None:
    target = vim()
    desk.standing(target)
    desk.time += PROVEN_S
    desk.begin_to_renew(target)

    assert desk.keeper.keep(desk.answered(target))
    desk.keeper.run()

    assert len(desk.trials) == 1


def test_a_server_that_answers_as_soon_as_ours_is_gone_is_left_alone(desk: Desk) -> None:
    target = vim()
    old = desk.standing(target)
    desk.begin_to_renew(target)
    late = desk.make(target)  # and it is silent
    target.track.sent = 2
    desk.make(target, 2)
    assert desk.closed == [old]

    late._judge(PLAIN)

    assert not desk.keeper.keep(late)
    assert not desk.may_keep(target)


def test_the_connection_of_another_vim_does_not_stand_in_the_way_of_a_confirmation(desk: Desk) -> None:
    holder, other = vim("holder"), vim("other")
    standing = desk.standing(holder)
    desk.make(other)
    assert desk.closed == []

    confirming = desk.make(other, 2)
    assert desk.closed == [standing]
    assert desk.may_keep(holder)  # nothing is known yet

    confirming._judge(PLAIN)
    assert not desk.keeper.keep(confirming)
    assert not desk.may_keep(holder)


def test_no_connection_stands_where_a_vim_has_only_one_probe_in_a_round(desk: Desk) -> None:
    holder, other = vim("holder"), vim("other", fall=1)
    standing = desk.standing(holder)

    desk.make(other)

    assert desk.closed == [standing]
    assert not desk.may_keep(holder)


def test_a_round_that_ends_without_an_answer_leaves_no_connection(desk: Desk) -> None:
    target = vim()
    target.serial = 7
    old = desk.standing(target)
    desk.begin_to_renew(target)
    assert desk.keeper.rounds_to_end == {7}

    desk.keeper.end_round(target)

    assert desk.closed == [old]
    assert not desk.keeper.rounds_to_end
    assert desk.may_keep(vim("other"))


def test_for_a_server_that_there_is_no_trial_for_nothing_is_kept_this_time(desk: Desk) -> None:
    for number in range(MOST_TRIALS):
        address = ProbeAddress(socket.AF_INET, ("127.0.0.2", number + 1))
        connection = desk.make(vim(f"vim-{number}"), address=address)
        connection._judge(PLAIN)
        assert desk.keeper.keep(connection)

    assert not desk.keeper.keep(desk.answered(vim()))


@pytest.mark.parametrize("timeout_s", [1.0, 0.225])
def test_what_is_not_answered_in_time_ends_all_connections_to_the_server(desk: Desk, timeout_s: float) -> None:
    # With a shorter timeout, too, it has a second: a monitor that meets a whole fleet at once finds all of it slow.
    target = vim(timeout_s=timeout_s)
    first = desk.answered(target)
    assert desk.keeper.keep(first)
    desk.keeper.run()
    desk.trials[0]._judge(PLAIN)
    desk.keeper.run()
    assert len(desk.trials) == 2
    desk.time += 0.9
    desk.keeper.run()
    assert desk.closed == []

    desk.time += 0.1
    desk.keeper.run()

    assert desk.closed == [first, *desk.trials]
    assert not desk.may_keep(target)
    assert not desk.keeper.is_busy()
    # It may have been late only because the machine was overloaded at that moment, as when many VIMs are new.
    desk.time += LATE_S
    assert desk.may_keep(target)
