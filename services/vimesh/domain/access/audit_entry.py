"""Defines what the audit records of a call: who asked for which change or was refused, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

SUCCESS: Final = "OK"
"""Outcome of a change that was made."""


@dataclass(slots=True)
class ChangeSubject:
    """What a call is to change. Its handler fills it in as far as it knows."""

    vim_id: str = ""
    project_id: str = ""
    request_id: str = ""
    """The `request_id` of a registration."""
    window_id: str = ""
    """The maintenance window."""
    receiver_id: str = ""
    outcome: str = ""
    """How this one ended; empty: as the call did."""
    monitor_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    identity: str
    method: str
    """Service and method, such as `vimesh.v1.VimService/RegisterVim`."""
    subject: ChangeSubject
    outcome: str
    """SUCCESS, or the reason of the error."""
    call_id: str
    """The id by which the front's access log knows the call, if it has one."""
    is_refusal: bool
    """Whether the caller was refused before anything was read or changed."""
    by_api: str = ""
    """The identity of the api process that called for it; empty: it called itself."""


class AuditTrail(Protocol):
    def record(self, entry: AuditEntry) -> None:
        """Put an entry on record. Never raises."""
