"""Compares what receivers got with what the log says: at least once, in order, and repeated only from under way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.simulation.notifications.moody_receiver import Arrival
from vimesh.v1.vim_pb2 import Vim, VimEvent

Expected = Mapping[str, Sequence[int]]
"""The revisions to be notified of, by VIM, in order."""


@dataclass(frozen=True, slots=True)
class Judgement:
    expected: int
    notifications: int
    """Notifications that brought something new."""
    repeats: int
    """Changes that arrived again."""
    faults: tuple[str, ...]

    def __str__(self) -> str:
        counted = f"{self.expected} changes in {self.notifications} notifications, {self.repeats} repeated"
        return counted if not self.faults else "\n  ".join((counted, *self.faults))


def expected_of(events: Iterable[VimEvent]) -> dict[str, list[int]]:
    """Return what a receiver that wants problems and their ends is to be notified of."""
    expected = defaultdict[str, list[int]](list)
    in_trouble = set[str]()
    for event in events:
        if event.kind != VimEvent.STATUS_CHANGED:
            continue
        if event.status in {Vim.UNREACHABLE, Vim.UNKNOWN}:
            in_trouble.add(event.vim_id)
        elif event.vim_id in in_trouble:
            in_trouble.remove(event.vim_id)
        else:
            continue
        expected[event.vim_id].append(event.revision)
    return dict(expected)


def judge(expected: Expected, arrivals: Sequence[Arrival]) -> Judgement:
    """Compare the arrivals at one receiver, in their order, with what is expected.

    Under way is what was not confirmed, and what was confirmed last of its group: a notifier may die before that is on
    record. The next one may begin with another group, and repeat it in several notifications, as it reads the log; and
    what comes after the end of a problem may be in another group then, as if the end had been told by itself.
    """
    first_arrivals = defaultdict[str, list[int]](list)
    seen, unconfirmed = set[int](), set[int]()
    confirmed_last = defaultdict[str, set[int]](set)
    repeats, notifications = 0, 0
    faults = list[str]()
    for arrival in arrivals:
        revisions = frozenset(change.revision for change in arrival.changes)
        if stale := (revisions & seen) - unconfirmed.union(*confirmed_last.values()):
            faults.append(f"{arrival.notification_id} repeats {len(stale)} changes that were not under way any more")
        repeats += len(revisions & seen)
        notifications += bool(revisions - seen)
        for change in arrival.changes:
            if change.revision not in seen:
                first_arrivals[change.vim_id].append(change.revision)
        seen |= revisions
        if arrival.is_confirmed:
            unconfirmed -= revisions
            if revisions.isdisjoint(confirmed_last[arrival.group]):
                confirmed_last[arrival.group].clear()
            confirmed_last[arrival.group] |= revisions
        else:
            unconfirmed |= revisions
    faults += _differences(expected, first_arrivals)
    return Judgement(sum(map(len, expected.values())), notifications, repeats, tuple(faults))


def expected_until_end(expected: Expected, arrivals: Sequence[Arrival]) -> Expected:
    """Return of what is expected what was due until a receiver wanted no more: up to what it got last of each VIM."""
    newest = dict[str, int]()
    for arrival in arrivals:
        for change in arrival.changes:
            newest[change.vim_id] = max(change.revision, newest.get(change.vim_id, 0))
    return {
        vim_id: [revision for revision in expected.get(vim_id, ()) if revision <= last]
        for vim_id, last in newest.items()
    }


def is_complete(expected: Expected, arrivals: Sequence[Arrival]) -> bool:
    seen = {change.revision for arrival in arrivals for change in arrival.changes}
    return all(revision in seen for revisions in expected.values() for revision in revisions)


def _differences(expected: Expected, arrived: Mapping[str, Sequence[int]]) -> Iterable[str]:
    for vim_id in sorted(expected.keys() | arrived.keys()):
        wanted, came = list(expected.get(vim_id, ())), list(arrived.get(vim_id, ()))
        if wanted == came:
            continue
        if missing := set(wanted) - set(came):
            yield f"{vim_id}: {len(missing)} of {len(wanted)} changes never arrived, such as {min(missing)}"
        if extra := set(came) - set(wanted):
            yield f"{vim_id}: {len(extra)} arrived that nobody should be notified of, such as {min(extra)}"
        if sorted(came) != came:
            yield f"{vim_id}: changes arrived out of order"
