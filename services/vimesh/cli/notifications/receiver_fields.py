"""Reads what a receiver is to be: from a file in YAML or JSON, and from flags. Secrets come from files only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from google.api import field_behavior_pb2
from google.protobuf.json_format import ParseDict, ParseError

from vimesh.cli.base import durations
from vimesh.cli.base.exits import Failure
from vimesh.cli.command_line import typed
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import BadFlag
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES
from vimesh.files.file_sources import source_text
from vimesh.files.read_files import read_text
from vimesh.files.yaml_values import read_yaml
from vimesh.v1.receiver_service_pb2 import Receiver

FILE_FLAG: Final = "--file"
CA_FLAG: Final = "--ca-file"
SECRET_FLAG: Final = "--secret"  # noqa: S105 - the name of a flag
NO_RECEIVER: Final = "must have fields of a receiver, such as name and alertmanager"
_DURATIONS: Final = frozenset({"group_wait", "group_interval", "repeat_interval", "give_up_after"})
KINDS: Final = tuple(field.name for field in Receiver.DESCRIPTOR.oneofs_by_name["target"].fields)
"""The fields that are targets."""
_MAX_SECRET_BYTES: Final = 8192
_MAX_CA_BYTES: Final = 16384


_NAMES: Final = tuple(field.name for field in Receiver.DESCRIPTOR.fields)
SETTABLE: Final = tuple(
    field.name
    for field in Receiver.DESCRIPTOR.fields
    if field_behavior_pb2.OUTPUT_ONLY not in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
)
"""The fields that people set."""
Fields = Mapping[str, Any]
"""Fields of a receiver by their names in the proto, with values as in JSON."""


def fields_of_file(path: Path) -> dict[str, Any]:
    """Read a file with the fields of a receiver; `-`: standard input. Raises BadSetting.

    Leaves out what the server sets: what `vimesh receiver show -o yaml` has printed can be given back.
    """
    content = _document(path)
    if not isinstance(content, Mapping):
        raise BadSetting(str(path), NO_RECEIVER)
    return settable_fields(content, str(path))


def settable_fields(content: Mapping[Any, Any], source: str) -> dict[str, Any]:
    """Return what people set of the content of a file. Raises BadSetting, which names the source."""
    if unknown := [str(key) for key in content if key not in _NAMES]:
        raise BadSetting(f"{source}: {unknown[0][:50]}", f"is no field of a receiver; there are {', '.join(_NAMES)}")
    return {key: value for key, value in content.items() if key in SETTABLE}


def add_secrets(fields: dict[str, Any], given: Iterable[str]) -> None:
    """Add the secrets that are in files, such as `bearer_token=token.txt`, to the target. Raises BadFlag."""
    for text in given:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise BadFlag(SECRET_FLAG, f"must be FIELD=FILE, such as bearer_token=token.txt, not {text[:50]!r}")
        _add_from_file(fields, SECRET_FLAG, name, Path(path), _MAX_SECRET_BYTES)


def add_authorities(fields: dict[str, Any], file: Path) -> None:
    """Add the certificates of authorities that are in a file to the target. Raises BadFlag."""
    _add_from_file(fields, CA_FLAG, "ssl_ca_cert", file, _MAX_CA_BYTES)


def _add_from_file(fields: dict[str, Any], flag: str, name: str, path: Path, most_bytes: int) -> None:
    kind = next((kind for kind in KINDS if isinstance(fields.get(kind), Mapping)), None)
    if kind is None:
        raise BadFlag(flag, "is for the target, and none is given")
    try:
        text = read_text(path, most_bytes).strip("\r\n")
    except OSError as error:
        raise BadFlag(flag, f"{path} cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadFlag(flag, f"{path}: {error}") from error
    fields[kind] = {**fields[kind], name: text}


def receiver_of(fields: Fields) -> Receiver:
    """Return the message. Raises Failure that names the field whose value is of the wrong kind."""
    document = {name: _duration(name, value) if name in _DURATIONS else value for name, value in fields.items()}
    try:
        return ParseDict(document, Receiver())
    except ParseError as error:
        raise Failure(
            f"the receiver cannot be read: {error}", hint="docs/using/notifications.md has examples"
        ) from None


def _document(path: Path) -> object:
    """Raises BadSetting."""
    try:
        return read_yaml(source_text(path, MAX_DOCUMENT_BYTES))
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from None


def _duration(name: str, value: object) -> str:
    """Return a duration such as `5m` as JSON has it. Raises BadFlag if it was typed, otherwise Failure."""
    try:
        return f"{durations.seconds(str(value)):.6f}s"
    except ValueError as error:
        flag = f"--{name.replace('_', '-')}"
        if typed().has_flag(flag):
            raise BadFlag(flag, str(error)) from None
        raise Failure(f"{name} {error}") from None
