"""Writes messages as JSON and YAML, with the field names of the protos."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from google.protobuf.json_format import Error, MessageToDict
from google.protobuf.message import Message

from vimesh.cli.base.exits import Failure
from vimesh.cli.base.terminal import escaped_json, printable, speaks_unicode
from vimesh.cli.formats.output_formats import Output

_OTHER = re.compile(r"[^\x00-\x7f]")


def document(message: Message) -> dict[str, Any]:
    """Return a message as a JSON object: defaults included, fields in the order of the proto."""
    with unrepresentable_explained():
        content = _content(message)
    return _in_order(content, message.DESCRIPTOR)


def foreign_document(message: Message) -> Any:  # noqa: ANN401 - JSON: many of them are texts there
    """Return a message that is not of vimesh as JSON, its keys sorted."""
    return _sorted(_content(message))


def _content(message: Message) -> Any:  # noqa: ANN401 - as above
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


@contextmanager
def unrepresentable_explained() -> Generator[None]:
    """Raise Failure if a message holds what JSON has no form for."""
    try:
        yield
    except (Error, ValueError):
        raise Failure("the fleet returned a number or a time that JSON cannot represent") from None


def _in_order(content: Mapping[str, Any], message: Any) -> dict[str, Any]:  # noqa: ANN401 - upb's or Python's
    ordered: dict[str, Any] = {}
    for field in message.fields:
        if field.name in content:
            ordered[field.name] = _field_in_order(content[field.name], field, message)
    return ordered


def _field_in_order(value: Any, field: Any, message: Any) -> Any:  # noqa: ANN401 - JSON, upb's or Python's
    if isinstance(value, list) and field.message_type is not None:
        return [_field_in_order(one, field, message) for one in value]
    is_ours = isinstance(value, dict) and _is_ours(field, message)
    return _in_order(value, field.message_type) if is_ours else _sorted(value)


def _is_ours(field: Any, message: Any) -> bool:  # noqa: ANN401 - upb's or Python's
    """Return whether a field has fields of our own: not a free-form field, nor a map."""
    inner = field.message_type
    return inner.file.package == message.file.package and not inner.GetOptions().map_entry


def _sorted(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Sort the keys of free-form fields, which have no order on the wire, so that the output is stable."""
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def write(output: Output, content: object) -> None:
    """Write an answer as a document. Raises BadFlag if `output` has an expression that is none."""
    if output is Output.JSON:
        write_json(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    elif output is Output.YAML:
        from vimesh.cli.output import yaml_text  # noqa: PLC0415 - YAML is slow to import, and JSON does not need it

        sys.stdout.write(yaml_text.dump(content, ascii_only=not speaks_unicode(sys.stdout)))
    else:
        from vimesh.cli.formats.json_path import json_path  # noqa: PLC0415 - as above

        # Line ends and tabs are of the expression; those of an answer are not told apart from them.
        text = json_path(output.expression).text(content)
        sys.stdout.write("\t".join("\n".join(map(printable, part.split("\n"))) for part in text.split("\t")))


def write_json(text: str) -> None:
    """Write JSON text so that every terminal shows it, and none obeys it."""
    text = escaped_json(text)
    if not speaks_unicode(sys.stdout):
        text = _OTHER.sub(lambda found: json.dumps(found[0])[1:-1], text)
    sys.stdout.write(text)


def write_line(content: object) -> None:
    """Write one JSON object on one line, and flush it for live readers."""
    write_json(json.dumps(content, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def write_all(output: Output, messages: Sequence[Message]) -> None:
    write(output, [document(message) for message in messages])
