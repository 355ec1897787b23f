"""Reads the receivers that a file describes, and says of each mistake in which line the receiver begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vimesh.cli.apply.applied_lines import refuse
from vimesh.cli.apply.source_entries import placed_entries
from vimesh.cli.base.exits import Failure
from vimesh.cli.input.file_entries import EntryKind, FileEntry, Flaw
from vimesh.cli.notifications.receiver_fields import (
    KINDS,
    NO_RECEIVER,
    SECRET_FLAG,
    add_secrets,
    receiver_of,
    settable_fields,
)
from vimesh.domain.errors import BadSetting
from vimesh.domain.notifications.receivers import MAX_RECEIVERS
from vimesh.domain.settings import BadFlag
from vimesh.v1.receiver_service_pb2 import Receiver

_ENDINGS: Final = (".yaml", ".yml", ".json")
_RECEIVERS: Final = EntryKind("receivers", NO_RECEIVER)


@dataclass(frozen=True, slots=True)
class DesiredReceiver:
    """A receiver as a file says that it should be."""

    position: str
    """Where it begins, such as `line 3`."""
    message: Receiver = field(repr=False)
    """With its secrets. A project that the file leaves open is empty."""
    says_disabled: bool
    """Whether the file says if it is disabled."""

    @property
    def place(self) -> str:
        return f"{self.position}: receiver {self.message.name}"


def read_receivers(path: Path, secrets: Iterable[str]) -> Sequence[DesiredReceiver]:
    """Read the receivers of a file, or of those in a folder; `-`: standard input.

    `secrets`: those that are in files of their own, such as `ops.bearer_token=token.txt`. Raises BadFlag, BadSetting,
    and Failure with all that is wrong with the file.
    """
    problems: list[str] = []
    receivers: list[tuple[str, dict[str, Any]]] = []
    for number, (position, _, entry) in enumerate(placed_entries(path, _RECEIVERS, _ENDINGS), 1):
        if number > MAX_RECEIVERS:
            raise BadSetting(str(path), f"has more than {MAX_RECEIVERS} receivers, and no fleet may have as many")
        try:
            receivers.append((position, _fields_of(position, entry)))
        except BadSetting as error:
            problems.append(str(error))
    if not problems:
        _add_secrets([fields for _, fields in receivers], secrets)
    desired = [one for position, fields in receivers if (one := _desired(position, fields, problems))]
    refuse(path, problems)
    if not desired:
        raise Failure(f"{path} has no receivers", hint="vimesh receiver delete removes receivers")
    return desired


def _fields_of(source: str, entry: FileEntry | Flaw) -> dict[str, Any]:
    """Raises BadSetting."""
    if isinstance(entry, Flaw):
        raise BadSetting(source, entry.description)
    fields = settable_fields(entry.content, source)
    if not fields.get("name") or not isinstance(fields["name"], str):
        raise BadSetting(f"{source}: name", "is required, and must be a text")
    # Modified without a target, a receiver would keep the one that it has.
    if sum(isinstance(fields.get(kind), Mapping) for kind in KINDS) != 1:
        raise BadSetting(source, f"must have one target: {', '.join(KINDS)}")
    return fields


def _add_secrets(receivers: Sequence[dict[str, Any]], given: Iterable[str]) -> None:
    """Raises BadFlag."""
    for text in given:
        where, _, path = text.partition("=")
        name, _, field_name = where.rpartition(".")
        if not (name and field_name and path):
            raise BadFlag(
                SECRET_FLAG, f"must be RECEIVER.FIELD=FILE, such as ops.bearer_token=t.txt, not {text[:50]!r}"
            )
        named = [fields for fields in receivers if fields["name"] == name]
        if len(named) != 1:
            raise BadFlag(SECRET_FLAG, f"{name} is the name of {len(named)} receivers of the file")
        add_secrets(named[0], [f"{field_name}={path}"])


def _desired(position: str, fields: dict[str, Any], problems: list[str]) -> DesiredReceiver | None:
    """Return a receiver; None if its fields have a problem, which is appended."""
    try:
        return DesiredReceiver(position, receiver_of(fields), says_disabled="disabled" in fields)
    except Failure as failure:
        problems.append(f"{position}: receiver {fields['name']}: {failure}")
        return None
