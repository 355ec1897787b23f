"""Random histories with failures and crashes at any step (G19): what must be true of all that arrived.

After a crash between an attempt that has arrived and its record, a receiver knows something that is not on record. It
is sent again, unless a maintenance begins or the log does not reach back to it any more (decision 60): not so here.
"""

from __future__ import annotations

from collections import defaultdict
from random import Random
from uuid import UUID

import pytest

from tests.notifier.agenda.simulated_world import World, settings, vim_id
from vimesh.domain.notifications.notifications import ChangeKind, Notification
from vimesh.domain.vims import Status
from vimesh.notifier.agenda.agenda_steps import Delayed, Delivered, SendResult

_VIMS = range(1, 7)
_REASONS = ("TIMEOUT", "REFUSED", "DNS")


class Trial:
    """A world in which things go wrong at random."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.world = World(
            settings(
                group_wait_s=random.choice([0.0, 5.0]),
                group_interval_s=random.choice([1.0, 60.0]),
                group_by=random.choice([("reason",), ("type", "labels.region"), ("project_id",)]),
            ),
            seed,
        )
        self.world.answer = self._answer
        self.is_faulty = True

    def _answer(self, _notification: Notification) -> SendResult:
        draw = self.random.random() if self.is_faulty else 1.0
        return Delayed("reset") if draw < 0.3 else Delivered()

    def live(self, moves: int, *, maintenance: bool = False, crashes_in_doubt: bool = True) -> None:
        """Let VIMs change, the log be read late, steps be taken and the process die, in any order."""
        for _ in range(moves):
            draw = self.random.random()
            if draw < 0.25:
                self._change(maintenance=maintenance)
            elif draw < 0.5:
                self.world.watch(self.random.randint(1, 5))
            elif draw < 0.9:
                self._step()
            elif crashes_in_doubt or not self.world.is_in_doubt:
                self.world.crash()

    def is_maintained(self, number: int) -> bool:
        vim = self.world.vims.get(vim_id(number))
        return vim is not None and vim.in_maintenance

    def settle(self) -> None:
        """Let everything work, until all is told."""
        self.is_faulty = False
        self.world.run(2000.0)

    def _change(self, *, maintenance: bool) -> None:
        world, number = self.world, self.random.choice(_VIMS)
        vim = world.vims.get(vim_id(number))
        self.world.now += self.random.random()
        if maintenance and vim is not None and self.random.random() < 0.3:
            (world.end_maintenance if vim.in_maintenance else world.start_maintenance)(number)
        elif vim is not None and self.random.random() < 0.05:
            world.deregister(number)
        else:
            status = self.random.choice([Status.REACHABLE, Status.UNREACHABLE, Status.UNKNOWN])
            if vim is None or vim.status is not status:
                world.change(number, status, "" if status is Status.REACHABLE else self.random.choice(_REASONS))

    def _step(self) -> None:
        until = self.world.step()
        if until is not None:
            self.world.now = max(self.world.now, min(until, self.world.now + 7.0))


def expected(world: World) -> dict[str, list[int]]:
    """Return the revisions of all changes to be told, VIM by VIM, by other means than those that are tried here."""
    told: dict[str, Status] = {}
    revisions: dict[str, list[int]] = defaultdict(list)
    for change in world.log:
        before = told.get(change.vim_id, Status.REACHABLE)
        gone = str(change.kind) == "DEREGISTERED"
        after = Status.REACHABLE if gone else change.status
        if after is not before:
            revisions[change.vim_id].append(change.revision)
        told[change.vim_id] = after
    return revisions


@pytest.mark.parametrize("seed", range(50))
def test_each_change_is_told_in_order_and_again_only_if_it_was_under_way(seed: int) -> None:
    trial = Trial(seed)
    trial.live(400)
    trial.settle()

    # That nothing is sent whose delivery is on record, the world has checked.
    for id_, revisions in expected(trial.world).items():
        told = [change.revision for change in trial.world.changes(UUID(id_).int)]
        assert list(dict.fromkeys(told)) == revisions
    assert trial.world.revision == trial.world.newest
    assert all(trial.world.vims[id_].status is not Status.REACHABLE for id_ in trial.world.notices)


@pytest.mark.parametrize("seed", range(50))
def test_after_all_maintenance_the_receiver_knows_what_is_true(seed: int) -> None:
    trial = Trial(seed)
    trial.live(400, maintenance=True, crashes_in_doubt=False)
    for number in _VIMS:
        if trial.is_maintained(number):
            trial.world.end_maintenance(number)
    trial.settle()

    # That nothing was sent in maintenance, the world has checked.
    for number in _VIMS:
        told = trial.world.changes(number)
        vim = trial.world.vims.get(vim_id(number))
        believed = told[-1].status if told and told[-1].kind is ChangeKind.PROBLEM else Status.REACHABLE
        assert believed is (vim.status if vim else Status.REACHABLE)
    assert trial.world.revision == trial.world.newest


@pytest.mark.parametrize("seed", range(50))
def test_with_changes_missed_the_receiver_still_knows_what_is_true(seed: int) -> None:
    trial = Trial(seed)
    for _ in range(4):
        trial.live(100, crashes_in_doubt=False)
        if trial.world.is_in_doubt:
            continue
        trial.world.oldest = trial.random.randint(trial.world.oldest, trial.world.newest + 1)
    trial.settle()

    for number in _VIMS:
        told, vim = trial.world.changes(number), trial.world.vims.get(vim_id(number))
        believed = told[-1].status if told and told[-1].kind is ChangeKind.PROBLEM else Status.REACHABLE
        assert believed is (vim.status if vim else Status.REACHABLE)
