"""Defines the errors that vimesh raises on purpose, but for those of some subjects, and lists them all.

Those of receivers are in `notifications.receiver_errors`, those of maintenance windows in `maintenance.window_errors`,
those of the pool of monitors in `pool.pool_errors`, those of probes that are asked for in `probes.probe_errors`,
that of causes in `causes.cause_errors`, that of vantages in `views.vantage_errors`, those of credentials that are
handed out in `access.credential_errors`.

VimeshError
├── BadInput                     the request is malformed; carries one violation per field
│   ├── PageTokenInvalid
│   └── FilterInvalid
├── IdentityRequired             the caller has not proved who it is
├── PermissionDenied             the caller may not do this
├── VimNotFound
├── WindowNotFound               no maintenance window that the caller may see has the id
├── ReceiverNotFound             no receiver that the caller may see has the id
├── NotificationNotFound         no notification on record that the caller may see has the id
├── MonitorNotFound              no monitor of the pool has the id
├── CauseNotFound                no cause that the caller may see has the id
├── TodoNotFound                 the to-do is done, or has been claimed by another driver
├── NameTaken                    another VIM of the project has the name
├── ReceiverNameTaken            another receiver of the project has the name
├── DefaultTaken                 the project already has a default VIM
├── VimIdTaken                   a VIM already has the requested id
├── RequestIdReused              the request id was used before with other content
├── EtagMismatch                 the VIM has changed since the caller read it
├── NotInApplySet                the VIM does not belong to the apply set
├── ApplyConflict                somebody else has set fields that are to be applied
├── ClaimLost                    another notifier works for the receiver
├── ReceiverDisabled             nothing is sent to the receiver
├── RevisionCompacted            the watch starts at a change that is no longer kept
├── TimeNotKept                  the changes since a time are no longer kept, or cannot be undone
├── RevisionUnknown              the watch starts after a change that never happened in this log
├── AssignmentChanged            the watch of a monitor starts where others had its actions
├── EventUnreadable              a newer version wrote a change that this one does not know
├── EngineNotServed              no engine of that name runs here
├── OlderConductors              conductors of an earlier release cannot read what would be stored
├── ProbedElsewhere              the monitors of the fleet do not probe the VIM
├── LoginNotWanted               the VIM's probe policy does not ask for logins
├── InsecureFleet                credentials are not handed out where nobody is asked who calls
├── CredentialsUnreadable        the key that encrypted the credentials of the VIM is lost
├── MonitorSilent                the monitor that was asked for a probe did not answer in time
├── NoMonitor                    no live monitor can be asked for a probe here
├── QuotaExceeded                the project has as much as it may have
├── ChangeRateExceeded           the project changes faster than it may
├── ProbeRateExceeded            more probes of the project were asked for than there may be
├── TooManyWindows               the project has as many open maintenance windows as it may have
├── TooManyReceivers             the project has as many receivers as it may have
├── TooManyMonitors              the pool has as many monitors as it may have
├── StoreUnavailable             the database cannot be reached; nothing is known
└── Overloaded                   more work is queued than the bound allows

BadSetting                       a setting that prevents the start; never crosses the wire
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

_SHOWN_FIELDS: Final = 10
"""Maximum number of fields that a message names: a status is sent in headers."""


class VimeshError(Exception):
    """Base of all errors that may reach a caller. The message may be shown to the caller."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """The facts in the message, for machines."""
        return {}


@dataclass(frozen=True, slots=True)
class Violation:
    """One field that breaks a rule."""

    field: str
    """Path of the field in the request, such as `vim.auth_url`; empty for the request as a whole."""
    description: str

    def __str__(self) -> str:
        return f"{self.field}: {self.description}" if self.field else self.description


class BadInput(VimeshError):
    def __init__(self, *violations: Violation) -> None:
        super().__init__("; ".join(map(str, violations)))
        self.violations = violations


class PageTokenInvalid(BadInput):
    def __init__(self) -> None:
        super().__init__(
            Violation("page_token", "not a token of this query; leave it empty to start from the first page"),
        )


class FilterInvalid(BadInput):
    """A filter cannot be read. `position` is where, in characters from 0; None if it is the filter as a whole."""

    def __init__(self, description: str, position: int | None = None) -> None:
        place = "" if position is None else f"character {position + 1}: "
        super().__init__(Violation("filter", place + description))
        self.description = description
        self.position = position

    @property
    def metadata(self) -> Mapping[str, str]:
        return {} if self.position is None else {"position": str(self.position)}


class IdentityRequired(VimeshError):
    """Nobody acts without an identity, where one is required (G14)."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the caller is unknown: {why}")


class PermissionDenied(VimeshError):
    """The message must not depend on anything that the caller may not see."""


class VimNotFound(VimeshError):
    def __init__(self, vim_id: str) -> None:
        super().__init__(f"no VIM has the id {vim_id}")
        self.vim_id = vim_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"vim_id": self.vim_id}


class TodoNotFound(VimeshError):
    def __init__(self, task_id: str) -> None:
        super().__init__(f"task {task_id} is already done, or another driver has claimed it")
        self.task_id = task_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"task_id": self.task_id}


class NameTaken(VimeshError):
    def __init__(self, name: str, project_id: str) -> None:
        super().__init__(f"project {project_id} already has a VIM named {name}")
        self.name = name
        self.project_id = project_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"name": self.name, "project_id": self.project_id}


class DefaultTaken(VimeshError):
    def __init__(self, project_id: str) -> None:
        super().__init__(f"project {project_id} already has a default VIM")
        self.project_id = project_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"project_id": self.project_id}


class VimIdTaken(VimeshError):
    def __init__(self, vim_id: str) -> None:
        super().__init__(f"a VIM with the id {vim_id} already exists")
        self.vim_id = vim_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"vim_id": self.vim_id}


class RequestIdReused(VimeshError):
    def __init__(self, request_id: str) -> None:
        super().__init__(f"request_id {request_id} was already used for another request")
        self.request_id = request_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"request_id": self.request_id}


class EtagMismatch(VimeshError):
    def __init__(self, vim_id: str) -> None:
        super().__init__(f"VIM {vim_id} was modified since it was read; read it again")
        self.vim_id = vim_id

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"vim_id": self.vim_id}


class NotInApplySet(VimeshError):
    def __init__(self, name: str, apply_set: str) -> None:
        """`apply_set` is the one that the VIM belongs to; empty if it belongs to none."""
        owner = f"belongs to the apply set {apply_set}" if apply_set else "was not registered by an apply set"
        super().__init__(f"VIM {name} {owner}; adopt it, or leave it out")
        self.apply_set = apply_set

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"apply_set": self.apply_set}


class ApplyConflict(VimeshError):
    def __init__(self, name: str, fields: Sequence[str]) -> None:
        self.fields = sorted(fields)
        super().__init__(
            f"others have set {', '.join(self.fields[:_SHOWN_FIELDS])} of VIM {name} to other values; leave them to "
            "others, or force them"
        )

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"fields": ",".join(self.fields[:_SHOWN_FIELDS])}


class RevisionCompacted(VimeshError):
    def __init__(self, oldest: int) -> None:
        super().__init__(f"changes before revision {oldest} are no longer kept; start with a snapshot")
        self.oldest = oldest

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"oldest_revision": str(self.oldest)}


class RevisionUnknown(VimeshError):
    def __init__(self, newest: int, *, is_of_other_log: bool = False) -> None:
        why = "that was another log, as before a backup was restored; " if is_of_other_log else ""
        super().__init__(f"{why}the newest revision is {newest}; start with a snapshot")
        self.newest = newest

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"newest_revision": str(self.newest)}


class TimeNotKept(VimeshError):
    def __init__(self, earliest: dt.datetime) -> None:
        self.earliest = earliest.isoformat().replace("+00:00", "Z")
        super().__init__(f"the changes since then are no longer all kept; the earliest time is {self.earliest}")

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"earliest_time": self.earliest}


class EventUnreadable(VimeshError):
    """A conductor of the version that wrote the change can read it. Raise this `from` the cause."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"this conductor is too old to read the change with revision {revision}; ask another one")
        self.revision = revision

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"revision": str(self.revision)}


class EngineNotServed(VimeshError):
    def __init__(self, engine: str) -> None:
        super().__init__(f"this fleet has no {engine} engine; see `vimesh conductor --engine`")
        self.engine = engine

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"engine": self.engine}


class Quota(StrEnum):
    """What of a project is limited. The names are in the details of errors."""

    VIMS = "VIMS"
    EVENT_BYTES = "EVENT_BYTES"
    CHANGES_PER_S = "CHANGES_PER_S"


_QUOTAS = {
    Quota.VIMS: "VIMs",
    Quota.EVENT_BYTES: "bytes of changes in the log",
    Quota.CHANGES_PER_S: "changes per second",
}


class QuotaExceeded(VimeshError):
    def __init__(self, project_id: str, quota: Quota, limit: int) -> None:
        super().__init__(f"project {project_id} has reached its quota of {limit} {_QUOTAS[quota]}")
        self.project_id = project_id
        self.quota = quota
        self.limit = limit

    @property
    def metadata(self) -> Mapping[str, str]:
        return {"project_id": self.project_id, "quota": self.quota, "limit": str(self.limit)}


class ChangeRateExceeded(QuotaExceeded):
    """The change may be made in `retry_after_s` seconds, unless others are faster."""

    def __init__(self, project_id: str, limit: int, retry_after_s: float) -> None:
        super().__init__(project_id, Quota.CHANGES_PER_S, limit)
        self.retry_after_s = retry_after_s


class StoreUnavailable(VimeshError):
    """Nothing is known about the outcome. Raise this `from` the cause: the cause is logged, never sent."""

    retry_after_s: ClassVar[float] = 1.0

    def __init__(self, why: str = "the database cannot be reached") -> None:
        super().__init__(f"{why}; try again later")
        self.why = why


class Overloaded(VimeshError):
    retry_after_s: ClassVar[float] = 1.0

    def __init__(self) -> None:
        super().__init__("too many calls are waiting; try again later")


class BadSetting(Exception):
    """A setting that cannot be used. The message names the setting and the remedy."""

    def __init__(self, setting: str, description: str) -> None:
        super().__init__(f"{setting}: {description}")
        self.setting = setting
