"""A fleet, a database and a receiver as plain state, around an agenda that may crash after any step."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import UUID

from vimesh.domain.events import EventKind
from vimesh.domain.notifications.delivery_store import Delivery
from vimesh.domain.notifications.notices import Notice
from vimesh.domain.notifications.notifications import Change, ChangeKind, Notification, NotificationKind
from vimesh.domain.notifications.receivers import Receiver, ReceiverSettings, UnfinishedDelivery
from vimesh.domain.notifications.targets import TackerTarget
from vimesh.domain.vims import Status
from vimesh.notifier.agenda.agenda_steps import Delivered, LookUp, Record, Send, SendResult, Wait
from vimesh.notifier.agenda.agenda_values import LogChange, VimFacts, VimTruth
from vimesh.notifier.agenda.receiver_agenda import ReceiverAgenda

START = 1_800_000_000.0


def at(time: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(time, dt.UTC)


def vim_id(number: int) -> str:
    return str(UUID(int=number))


def settings(**changes: Any) -> ReceiverSettings:  # noqa: ANN401 - any field of the settings
    target = TackerTarget("http://127.0.0.1:1/")
    return replace(ReceiverSettings("", "pager", target, group_wait_s=5.0, repeat_interval_s=0.0), **changes)


@dataclass
class Vim:
    status: Status = Status.REACHABLE
    reason: str = ""
    since: float = START
    revision: int = 1
    in_maintenance: bool = False
    flapping: bool = False
    selected: bool = True
    """Whether the receiver's filter selects it."""
    labels: dict[str, str] = field(default_factory=dict)
    cause: str = ""


@dataclass
class Receipt:
    """A notification that has arrived at the receiver."""

    time: float
    notification: Notification


class World:
    def __init__(self, rules: ReceiverSettings, seed: int = 1) -> None:
        self.random = Random(seed)
        self.now = START
        self.receiver = Receiver(str(UUID(int=1)), rules, "", at(START), at(START), revision=1)
        self.vims: dict[str, Vim] = {}
        self.log: list[LogChange] = []
        self.oldest = 2
        """Changes before this revision are not stored any more."""
        # On record:
        self.revision = 1
        self.notices: dict[str, Notice] = {}
        self.deliveries: list[Delivery] = []
        self.unfinished: UnfinishedDelivery | None = None
        self.recorded_at = START
        # Outside:
        self.receipts: list[Receipt] = []
        self.answer: Callable[[Notification], SendResult] = lambda _: Delivered()
        self.arrives: Callable[[Notification], bool] = lambda _: True
        self.delivered: set[tuple[str, int, str]] = set()
        """VIMs, revisions and kinds whose delivery is on record."""
        self.slices = 0
        """After how many slices of missed changes a step was taken."""
        self._sent: Notification | None = None
        self.agenda = self._new_agenda()

    # What happens.

    def change(self, number: int, status: Status, reason: str = "", kind: EventKind | None = None) -> None:
        vim = self.vims.setdefault(vim_id(number), Vim())
        before = vim.status
        kind = kind or (EventKind.STATUS_CHANGED if before is not status else EventKind.REASON_CHANGED)
        if before is not status:
            vim.since = self.now
        vim.status, vim.reason = status, reason
        self._append(kind, vim_id(number), vim, before)

    def dark(self, number: int, reason: str = "TIMEOUT") -> None:
        self.change(number, Status.UNREACHABLE, reason)

    def well(self, number: int) -> None:
        self.change(number, Status.REACHABLE)

    def start_maintenance(self, number: int) -> None:
        vim = self.vims.setdefault(vim_id(number), Vim())
        vim.in_maintenance = True
        self._append(EventKind.MAINTENANCE_STARTED, vim_id(number), vim, vim.status)

    def end_maintenance(self, number: int) -> None:
        vim = self.vims[vim_id(number)]
        vim.in_maintenance = False
        self._append(EventKind.MAINTENANCE_ENDED, vim_id(number), vim, vim.status)

    def deregister(self, number: int) -> None:
        vim = self.vims.pop(vim_id(number))
        self._append(EventKind.DEREGISTERED, vim_id(number), vim, vim.status, facts=self._facts(vim_id(number), vim))

    def _append(
        self,
        kind: EventKind,
        id_: str,
        vim: Vim,
        before: Status,
        *,
        facts: VimFacts | None = None,
        filtered_out: bool = False,
    ) -> None:
        vim.revision = self.newest + 1
        self.log.append(
            LogChange(
                vim.revision,
                kind,
                id_,
                at(self.now),
                vim.status,
                before,
                vim.reason,
                facts=facts,
                filtered_out=filtered_out,
            )
        )

    def filter_out(self, number: int) -> None:
        """Change the VIM so that the receiver's filter does not select it any more."""
        vim = self.vims[vim_id(number)]
        vim.selected = False
        self._append(EventKind.MODIFIED, vim_id(number), vim, vim.status, filtered_out=True)

    @property
    def newest(self) -> int:
        return self.log[-1].revision if self.log else 1

    # What the notifier does.

    def crash(self) -> None:
        self.agenda = self._new_agenda()

    def watch(self, most: int = 1_000_000) -> None:
        """Let the agenda see the log, or at most so many changes of it."""
        if self.agenda.position + 1 < self.oldest:
            truths = [self._truth(one) for one, vim in self.vims.items() if vim.selected]
            concerned = [truth for truth in truths if self.agenda.concerns(truth.vim_id, truth.status)]
            for _ in self.agenda.reconcile(concerned, self.newest, self.now):
                self.slices += 1
                self.step()
            return
        changes = [change for change in self.log if change.revision > self.agenda.position][:most]
        if changes:
            self.agenda.take_in(changes, changes[-1].revision, self.now)

    def step(self) -> float | None:
        """Do the next step; return until when there is nothing to do, None if something was done."""
        step = self.agenda.next_step(self.now)
        match step:
            case Wait():
                return step.until
            case LookUp():
                truths = {id_: self._truth(id_) for id_ in step.vim_ids if id_ in self.vims}
                self.agenda.note_look_up(truths, self.now)
                if isinstance(following := self.agenda.next_step(self.now), Send):
                    self._send(following.notification)  # at once: what was looked up is still true
            case Send():
                self._send(step.notification)
            case Record():
                self._record(step.delivery)
                self.agenda.note_recorded(self.now)
        return None

    def run(self, for_s: float) -> None:
        """Let time pass, and do what is to be done in it."""
        end = self.now + for_s
        while True:
            self.watch()
            until = self.step()
            if until is not None:
                if until >= end:
                    break
                assert until > self.now, "it waits for the past"
                self.now = until
        self.now = end

    @property
    def is_in_doubt(self) -> bool:
        """Whether something has arrived at the receiver that is not on record as delivered."""
        sent = {
            (change.vim_id, change.revision, str(change.kind))
            for receipt in self.receipts
            for change in receipt.notification.changes
            if change.kind is not ChangeKind.REMINDER
        }
        return not sent <= self.delivered

    # What arrived.

    def told(self, number: int) -> list[tuple[int, str]]:
        """Return the changes of a VIM as they have arrived, repeats included."""
        return [(change.revision, str(change.kind)) for change in self.changes(number)]

    def kinds(self, number: int) -> list[str]:
        return [str(change.kind) for change in self.changes(number)]

    def changes(self, number: int) -> Sequence[Change]:
        return [
            change
            for receipt in self.receipts
            for change in receipt.notification.changes
            if change.vim_id == vim_id(number)
        ]

    def _new_agenda(self) -> ReceiverAgenda:
        unfinished = self.unfinished
        if unfinished is not None:
            unfinished = replace(unfinished, tried_for_s=unfinished.tried_for_s + self.now - self.recorded_at)
        return ReceiverAgenda(
            self.receiver,
            self.revision,
            list(self.notices.values()),
            unfinished=unfinished,
            random=self.random,
            now=self.now,
        )

    def _truth(self, id_: str) -> VimTruth:
        vim = self.vims[id_]
        return VimTruth(
            id_,
            self._facts(id_, vim),
            vim.status,
            vim.reason,
            "",
            at(vim.since),
            vim.revision,
            in_maintenance=vim.in_maintenance,
            flapping=vim.flapping,
            is_selected=vim.selected,
        )

    @staticmethod
    def _facts(id_: str, vim: Vim) -> VimFacts:
        return VimFacts(f"vim-{UUID(id_).int}", "openstack", "default", "http://10.0.0.1:5000/", vim.labels, vim.cause)

    def _send(self, notification: Notification) -> None:
        if notification.kind is not NotificationKind.TEST:
            self._check(notification)
        if self.arrives(notification):
            self.receipts.append(Receipt(self.now, notification))
        self._sent = notification
        self.agenda.note_result(self.answer(notification), self.now)

    def _check(self, notification: Notification) -> None:
        """What must be true whenever something is sent."""
        if not self.receiver.settings.notify_in_maintenance:
            assert not [
                one for one in notification.changes if one.vim_id in self.vims and self.vims[one.vim_id].in_maintenance
            ]
        if notification.kind is NotificationKind.CHANGES:
            assert not self.delivered & {(one.vim_id, one.revision, str(one.kind)) for one in notification.changes}

    def _record(self, delivery: Delivery) -> None:
        """As the store does: see RecordDelivery."""
        self.deliveries.append(delivery)
        self.unfinished, self.recorded_at = delivery.unfinished, self.now
        if delivery.delivered and self._sent is not None:
            self.delivered |= {(one.vim_id, one.revision, str(one.kind)) for one in self._sent.changes}
            self._sent = None
        self.notices |= {notice.vim_id: notice for notice in delivery.notices}
        self.revision = max(self.revision, delivery.revision)
        over = [one.vim_id for one in self.notices.values() if one.resolved and one.revision <= self.revision]
        for id_ in over:
            del self.notices[id_]
