"""What a list keeps of a VIM: the few fields that it shows, so that 100,000 VIMs take little memory."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Final

from vimesh.cli.output.vim_columns import seconds_of
from vimesh.v1.vim_pb2 import Vim, VimEvent

READ_MASK: Final = (
    *("id", "name", "project_id", "type", "auth_url", "status", "reason", "status_time", "valid_until"),
    *("maintenance.end_time", "flapping", "revision"),
)
"""The fields that a watch for the list asks for."""


@dataclass(slots=True)
class VimRow:
    """Times are seconds since the epoch, by the database's clock; 0 if there is none."""

    vim_id: str
    name: str = ""
    project_id: str = ""
    type: str = ""
    auth_url: str = ""
    status: int = Vim.STATUS_UNSPECIFIED
    reason: str = ""
    since_s: float = 0.0
    valid_until_s: float = 0.0
    maintenance_until_s: float = 0.0
    flapping: bool = False
    revision: int = 0
    """Of the newest change in the row."""

    def fill(self, vim: Vim) -> None:
        """Take over everything but the revision."""
        self.fill_what_changes_hold(vim)
        self.valid_until_s = seconds_of(vim.valid_until)
        self.maintenance_until_s = seconds_of(vim.maintenance.end_time)
        self.flapping = vim.flapping

    def fill_what_changes_hold(self, vim: Vim) -> None:
        """Take over what the VIM in a change says of it."""
        self.name, self.auth_url = vim.name, vim.auth_url
        # Most VIMs share these texts with many others.
        self.project_id, self.type = sys.intern(vim.project_id), sys.intern(vim.type)
        self.status, self.reason = vim.status, sys.intern(vim.reason)
        self.since_s = seconds_of(vim.status_time)

    def follow(self, event: VimEvent) -> None:
        """Take over a change of the VIM."""
        self.revision = event.revision
        if event.kind in (VimEvent.MAINTENANCE_STARTED, VimEvent.MAINTENANCE_ENDED):
            self.maintenance_until_s = seconds_of(event.maintenance.end_time)
            return
        if event.HasField("vim"):
            self.fill_what_changes_hold(event.vim)
        if self.status != event.status or not self.since_s:
            self.since_s = seconds_of(event.time)
        self.status, self.reason = event.status, sys.intern(event.reason)
        # It belongs to the previous report.
        self.valid_until_s = 0.0


def row_of(vim: Vim) -> VimRow:
    row = VimRow(vim.id, revision=vim.revision)
    row.fill(vim)
    return row
