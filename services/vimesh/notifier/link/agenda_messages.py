"""Reads what conductors say of VIMs, as agendas take it."""

from __future__ import annotations

from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask

from vimesh.domain.events import EventKind
from vimesh.domain.vims import CauseKind, Status
from vimesh.notifier.agenda.agenda_values import LogChange, VimFacts, VimTruth
from vimesh.v1 import vim_pb2
from vimesh.wire.notifications.absent_values import moment_of
from vimesh.wire.vim_messages import STATUSES

WATCHED_FIELDS: Final = FieldMask(
    paths=(
        *("id", "name", "type", "project_id", "auth_url", "labels", "status", "reason", "detail", "status_time"),
        *("maintenance", "flapping", "revision"),
    )
)
"""All that is watched of a VIM. Its cause is only looked up: conductors of earlier releases refuse unknown fields."""
_CAUSE_KINDS: Final = {vim_pb2.VimCause.Kind.Value(kind.value): kind.value for kind in CauseKind}
_KINDS: Final = {vim_pb2.VimEvent.Kind.Value(kind.value): kind for kind in EventKind}


def log_change(message: vim_pb2.VimEvent) -> LogChange | None:
    """Return a change; None for a kind of a later version."""
    kind, status = _KINDS.get(message.kind), STATUSES.get(message.status)
    if kind is None or status is None:
        return None
    return LogChange(
        revision=message.revision,
        kind=kind,
        vim_id=message.vim_id,
        time=moment_of(message.time),
        status=status,
        previous_status=STATUSES.get(message.previous_status),
        reason=message.reason,
        detail=message.detail,
        filtered_out=message.filtered_out,
        facts=_facts(message.vim) if message.HasField("vim") else None,
    )


def status_of(message: vim_pb2.Vim) -> Status:
    """Return the status of a VIM; for one that only a later version knows, one of which nothing is told."""
    return STATUSES.get(message.status, Status.PENDING)


def vim_truth(message: vim_pb2.Vim, *, is_selected: bool = True) -> VimTruth:
    return VimTruth(
        vim_id=message.id,
        facts=_facts(message),
        status=status_of(message),
        reason=message.reason,
        detail=message.detail,
        since=moment_of(message.status_time),
        revision=message.revision,
        in_maintenance=message.HasField("maintenance"),
        flapping=message.flapping,
        is_selected=is_selected,
    )


def _facts(message: vim_pb2.Vim) -> VimFacts:
    return VimFacts(
        message.name, message.type, message.project_id, message.auth_url, dict(message.labels), _cause(message)
    )


def _cause(message: vim_pb2.Vim) -> str:
    """Return the cause in words; of a kind of a later version, its subject."""
    if not message.HasField("cause"):
        return ""
    return f"{_CAUSE_KINDS.get(message.cause.kind, '')} {message.cause.subject}".strip()
