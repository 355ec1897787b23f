"""Reads the receivers that a file describes, and says of each mistake in which line the receiver begins."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from vimesh.cli.base.exits import Failure
from vimesh.cli.input.file_entries import EntryKind, FileEntry, Flaw
from vimesh.cli.input.yaml_file import entries
from vimesh.cli.notifications.receiver_fields import (
    KINDS,
    NO_RECEIVER,
    SECRET_FLAG,
    STANDARD_INPUT,
    add_secrets,
    receiver_of,
    settable_fields,
)
from vimesh.domain.errors import BadSetting
from vimesh.domain.notifications.receivers import MAX_RECEIVERS
from vimesh.domain.settings import BadFlag
from vimesh.files.entry_stream import EntryStream
from vimesh.files.file_errors import BadFile
from vimesh.files.read_files import read_whole
from vimesh.v1.receiver_service_pb2 import Receiver

MAX_FILE_BYTES: Final = 8 * 1024 * 1024
"""As many receivers as a fleet may have, if most have authorities or templates of their own."""
_RECEIVERS: Final = EntryKind("receivers", NO_RECEIVER)
_SHOWN_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class DesiredReceiver:
    """A receiver as a file says that it should be."""

    line: int
    """Line where it begins, counted from 1."""
    message: Receiver = field(repr=False)
    """With its secrets. A project that the file leaves open is empty."""
    says_disabled: bool
    """Whether the file says if it is disabled."""

    @property
    def place(self) -> str:
        return f"line {self.line}: receiver {self.message.name}"


def read_receivers(path: Path, secrets: Iterable[str]) -> Sequence[DesiredReceiver]:
    """Read the receivers of a file; `-`: standard input.

    `secrets`: those that are in files of their own, such as `ops.bearer_token=token.txt`. Raises BadFlag, BadSetting,
    and Failure with all that is wrong with the file.
    """
    problems: list[str] = []
    receivers: list[tuple[int, dict[str, Any]]] = []
    for entry in _entries(path):
        try:
            receivers.append((entry.line, _fields_of(entry)))
        except BadSetting as error:
            problems.append(str(error))
    if not problems:
        _add_secrets([fields for _, fields in receivers], secrets)
    desired = [one for line, fields in receivers if (one := _desired(line, fields, problems))]
    refuse(path, problems)
    if not desired:
        raise Failure(f"{path} has no receivers", hint="vimesh receiver delete removes receivers")
    return desired


def refuse(path: Path, problems: Sequence[str]) -> None:
    """Raise Failure if there are problems."""
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        details = [*problems[:_SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
        raise Failure(f"{path} cannot be applied; nothing was changed", details=details)


def _entries(path: Path) -> Iterator[FileEntry | Flaw]:
    """Raises BadSetting."""
    for number, entry in enumerate(entries(EntryStream(io.BytesIO(_content(path))), _RECEIVERS), 1):
        if number > MAX_RECEIVERS:
            raise BadSetting(str(path), f"has more than {MAX_RECEIVERS} receivers, and no fleet may have as many")
        yield entry


def _content(path: Path) -> bytes:
    """Raises BadSetting."""
    try:
        if path != STANDARD_INPUT:
            return read_whole(path, MAX_FILE_BYTES)
        content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from None
    if len(content) > MAX_FILE_BYTES:
        raise BadSetting("standard input", f"is larger than {MAX_FILE_BYTES} bytes")
    return content


def _fields_of(entry: FileEntry | Flaw) -> dict[str, Any]:
    """Raises BadSetting."""
    source = f"line {entry.line}"
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


def _desired(line: int, fields: dict[str, Any], problems: list[str]) -> DesiredReceiver | None:
    """Return a receiver; None if its fields have a problem, which is appended."""
    try:
        return DesiredReceiver(line, receiver_of(fields), says_disabled="disabled" in fields)
    except Failure as failure:
        problems.append(f"line {line}: receiver {fields['name']}: {failure}")
        return None
