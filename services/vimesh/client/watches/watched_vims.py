"""Keeps the VIMs of a watch up to date: applies each change to the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.field_mask_pb2 import FieldMask

from vimesh.client.watches.copy_conditions import follow_status, keep_conditions, take_conditions
from vimesh.client.watches.resumable_watch import WatchUpdate
from vimesh.domain.vims import BULKY_FIELDS
from vimesh.v1.vim_pb2 import Monitor, Vim, VimEvent


@dataclass(frozen=True, slots=True)
class VimChange:
    event: VimEvent
    vim: Vim | None
    """The VIM after the change, for its name; None if it was never seen."""


class WatchedVims:
    def __init__(self) -> None:
        self.vims: dict[str, Vim] = {}
        self.complete = False
        """Whether the snapshot has been received completely."""
        self._fresh: dict[str, Vim] = {}

    def take(self, shown: WatchUpdate) -> list[VimChange]:
        """Apply a message of the watch. Returns the changes that are new, in order."""
        if shown.afresh:
            self._fresh, self.complete = {}, False
        for vim in shown.answer.vims:
            self._fresh[vim.id] = vim
        if not self.complete and shown.answer.revision:
            # VIMs that are missing in the new snapshot are gone.
            self.vims, self._fresh, self.complete = self._fresh, {}, True
        return [change for event in shown.answer.events if (change := self._apply(event, shown.arrivals))]

    def _apply(self, event: VimEvent, arrivals: Mapping[str, Vim]) -> VimChange | None:
        known = self.vims.get(event.vim_id)
        if known is not None and event.revision <= known.revision:
            # The snapshot was read after this change.
            return None
        if event.filtered_out:
            return None if known is None else VimChange(event, self.vims.pop(event.vim_id))
        if known is None and event.vim_id in arrivals:
            self.vims[event.vim_id] = arrivals[event.vim_id]
            return VimChange(event, self.vims[event.vim_id])
        if known is None and event.kind != VimEvent.REGISTERED:
            # Not in the snapshot: deregistered before it was read. Only the event itself may hold the VIM.
            return VimChange(event, event.vim if event.HasField("vim") else None)
        if event.kind == VimEvent.DEREGISTERED:
            return VimChange(event, self.vims.pop(event.vim_id))
        vim = self._left_by(event, known or Vim())
        self._bring_up_to_date(vim, event)
        self.vims[event.vim_id] = vim
        return VimChange(event, vim)

    @staticmethod
    def _left_by(event: VimEvent, known: Vim) -> Vim:
        vim = Vim()
        vim.CopyFrom(event.vim if event.HasField("vim") else known)
        if event.HasField("changed_fields"):
            stays = [field for field in BULKY_FIELDS if field not in event.changed_fields.paths]
            FieldMask(paths=stays).MergeMessage(known, vim, replace_message_field=True)
        # No event holds it with the VIM.
        if known.HasField("maintenance"):
            vim.maintenance.CopyFrom(known.maintenance)
        if event.HasField("vim") and event.status != Vim.PENDING and len(vim.probe_policy.vantages) > 1:
            vim.views.extend(view for view in known.views if view.vantage in vim.probe_policy.vantages)
        if event.HasField("vim"):
            keep_conditions(known, vim, event)
        return vim

    @staticmethod
    def _bring_up_to_date(vim: Vim, event: VimEvent) -> None:
        if event.kind == VimEvent.CONDITION_CHANGED:
            vim.revision = event.revision
            take_conditions(vim, event)
            return
        if event.kind in (VimEvent.MAINTENANCE_STARTED, VimEvent.MAINTENANCE_ENDED):
            vim.revision = event.revision
            vim.ClearField("maintenance")
            if event.HasField("maintenance"):
                vim.maintenance.CopyFrom(event.maintenance)
            return
        is_new_status = vim.status != event.status
        if is_new_status:
            vim.status_time.CopyFrom(event.time)
            # What it had in common with others was about the status before. No event says the next one.
            vim.ClearField("cause")
        vim.status, vim.reason, vim.detail = event.status, event.reason, event.detail
        if is_new_status:
            follow_status(vim)
        vim.revision = event.revision
        if event.HasField("view"):
            _renew_view(vim, event)
        else:
            vim.monitor.action_id = event.action_id
        if event.kind == VimEvent.ACTION_REPLACED and not event.HasField("view"):
            vim.monitor.state = Monitor.STARTING
        elif event.status in (Vim.REACHABLE, Vim.UNREACHABLE):
            # Only a report sets these statuses.
            vim.monitor.state = Monitor.RUNNING
        # Both belong to the previous report.
        vim.ClearField("round_trip")
        vim.ClearField("valid_until")


def _renew_view(vim: Vim, event: VimEvent) -> None:
    """Put what one of several vantages says since in the place of what it said before."""
    for view in vim.views:
        if view.vantage == event.view.vantage:
            view.CopyFrom(event.view)
            return
    order = list(vim.probe_policy.vantages)
    views = [*vim.views, event.view]
    del vim.views[:]
    vim.views.extend(sorted(views, key=lambda view: order.index(view.vantage) if view.vantage in order else len(order)))
