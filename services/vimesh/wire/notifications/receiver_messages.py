"""Converts receivers to messages, and what people say of them back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from vimesh.domain.access.caller import Caller
from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.notifications.receiver_checks import check_receiver
from vimesh.domain.notifications.receiver_store import ChangeSettings
from vimesh.domain.notifications.receivers import (
    GIVE_UP_AFTER_S,
    GROUP_INTERVAL_S,
    GROUP_WAIT_S,
    PROBLEM_STATUSES,
    Receiver,
    ReceiverSettings,
    repeat_interval_of,
)
from vimesh.domain.notifications.target_secrets import unmask_target
from vimesh.domain.notifications.targets import KINDS, Target
from vimesh.v1 import receiver_service_pb2 as pb
from vimesh.wire.notifications.absent_values import moment_of, set_time
from vimesh.wire.notifications.target_messages import target_from_message, write_target
from vimesh.wire.vim_messages import MAX_VIOLATIONS, STATUS_VALUES, STATUSES
from vimesh.wire.wire_durations import duration, seconds, timestamp

_Read = Callable[[pb.Receiver], Any]


def _duration_of(name: str, default_s: float) -> _Read:
    def read(message: pb.Receiver) -> float:
        value: Duration = getattr(message, name)
        return seconds(value) if message.HasField(name) else default_s  # type: ignore[arg-type]  # a name of its fields

    return read


def _flag(name: str) -> tuple[str, _Read]:
    return name, lambda message: getattr(message, name)


_FIELDS: Final[Mapping[str, tuple[str, _Read]]] = {
    "name": ("name", lambda message: message.name),
    "filter": ("filter_text", lambda message: message.filter),
    "statuses": ("statuses", lambda message: tuple(STATUSES[value] for value in message.statuses) or PROBLEM_STATUSES),
    "reason_changes": _flag("reason_changes"),
    "lifecycle_changes": _flag("lifecycle_changes"),
    "group_by": ("group_by", lambda message: tuple(message.group_by) or ("reason",)),
    "group_wait": ("group_wait_s", _duration_of("group_wait", GROUP_WAIT_S)),
    "group_interval": ("group_interval_s", _duration_of("group_interval", GROUP_INTERVAL_S)),
    "give_up_after": ("give_up_after_s", _duration_of("give_up_after", GIVE_UP_AFTER_S)),
    "resolved": ("resolved", lambda message: message.resolved if message.HasField("resolved") else True),
    "notify_in_maintenance": _flag("notify_in_maintenance"),
    "notify_flapping": _flag("notify_flapping"),
    "disabled": _flag("disabled"),
}
"""For each field that people set: the setting, and what reads it. The target, and what depends on it, are not here."""
_REPEAT: Final = "repeat_interval"
_MODIFIABLE: Final = frozenset((*_FIELDS, _REPEAT, *KINDS))


def new_settings(message: pb.Receiver, caller: Caller) -> ReceiverSettings:
    """Read a receiver to create. Raises BadInput, FilterInvalid, PermissionDenied."""
    target = target_from_message(message)
    if target is None:
        raise _no_target()
    settings = _settings(message, _project_of(message, caller), unmask_target(target, None))
    check_receiver(settings)
    return settings


def settings_change(request: pb.ModifyReceiverRequest) -> ChangeSettings:
    """Return the change that a request asks for. Raises BadInput."""
    message = request.receiver
    paths = frozenset(request.update_mask.paths)
    if unknown := sorted(paths - _MODIFIABLE)[:MAX_VIOLATIONS]:
        fields = ", ".join(sorted(_MODIFIABLE))
        raise BadInput(*(Violation("update_mask", f"{path} cannot be changed; use {fields}") for path in unknown))
    paths = paths or frozenset(field.name for field, _ in message.ListFields()) & _MODIFIABLE
    values = {setting: read(message) for path, (setting, read) in _FIELDS.items() if path in paths}
    kinds = paths & frozenset(KINDS)
    target = target_from_message(message)
    if kinds and (target is None or kinds != {message.WhichOneof("target")}):
        raise _no_target()

    def change(stored: ReceiverSettings) -> ReceiverSettings:
        settings = replace(stored, **values)
        if kinds and target is not None:
            settings = replace(settings, target=unmask_target(target, stored.target))
        if _REPEAT in paths:
            settings = replace(settings, repeat_interval_s=_repeat_interval(message, settings.target))
        check_receiver(settings, stored)
        return settings

    return change


def receiver_message(receiver: Receiver) -> pb.Receiver:
    settings = receiver.settings
    message = pb.Receiver(
        id=receiver.id,
        project_id=settings.project_id,
        name=settings.name,
        filter=settings.filter_text,
        statuses=[STATUS_VALUES[status] for status in settings.statuses],
        reason_changes=settings.reason_changes,
        lifecycle_changes=settings.lifecycle_changes,
        group_by=settings.group_by,
        group_wait=duration(settings.group_wait_s),
        group_interval=duration(settings.group_interval_s),
        repeat_interval=duration(settings.repeat_interval_s),
        give_up_after=duration(settings.give_up_after_s),
        resolved=settings.resolved,
        notify_in_maintenance=settings.notify_in_maintenance,
        notify_flapping=settings.notify_flapping,
        disabled=settings.disabled,
        creator=receiver.creator,
        create_time=timestamp(receiver.create_time),
        update_time=timestamp(receiver.update_time),
        revision=receiver.revision,
        last_error=receiver.last_error,
        dead_count=receiver.dead_count,
        disabled_reason=receiver.disabled_reason,
        notifier_id=receiver.notifier_id,
        dropped_count=receiver.dropped_count,
    )
    set_time(message.last_delivery_time, receiver.last_delivery_time)
    set_time(message.last_error_time, receiver.last_error_time)
    set_time(message.pending_since, receiver.pending_since)
    write_target(settings.target, message)
    return message


def receiver_from_message(message: pb.Receiver) -> Receiver:
    """Read a receiver that a conductor has sent. Raises BadInput if it has a target of a later version."""
    target = target_from_message(message)
    if target is None:
        raise _no_target()
    return Receiver(
        id=message.id,
        settings=_settings(message, message.project_id, target),
        creator=message.creator,
        create_time=moment_of(message.create_time),
        update_time=moment_of(message.update_time),
        revision=message.revision,
        last_delivery_time=moment_of(message.last_delivery_time) if message.HasField("last_delivery_time") else None,
        last_error=message.last_error,
        last_error_time=moment_of(message.last_error_time) if message.HasField("last_error_time") else None,
        dead_count=message.dead_count,
        disabled_reason=message.disabled_reason,
        notifier_id=message.notifier_id,
        pending_since=moment_of(message.pending_since) if message.HasField("pending_since") else None,
        dropped_count=message.dropped_count,
    )


def _settings(message: pb.Receiver, project_id: str, target: Target) -> ReceiverSettings:
    values = {setting: read(message) for setting, read in _FIELDS.values()}
    repeat_interval_s = _repeat_interval(message, target)
    return ReceiverSettings(project_id=project_id, target=target, repeat_interval_s=repeat_interval_s, **values)


def _repeat_interval(message: pb.Receiver, target: Target) -> float:
    return seconds(message.repeat_interval) if message.HasField(_REPEAT) else repeat_interval_of(target)


def _project_of(message: pb.Receiver, caller: Caller) -> str:
    if message.project_id:
        caller.require_project(message.project_id)
        return message.project_id
    if caller.projects is None or caller.only_project:
        return caller.only_project
    raise BadInput(Violation("receiver.project_id", "is required of a caller of several projects"))


def _no_target() -> BadInput:
    return BadInput(Violation("receiver", f"must have one target: {', '.join(KINDS)}"))
