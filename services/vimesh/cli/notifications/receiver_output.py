"""Prints receivers."""

from __future__ import annotations

import json
from typing import Final

from vimesh.cli.formats.output_formats import Output
from vimesh.cli.lists.print_lists import print_item
from vimesh.cli.output import documents, text_tables
from vimesh.cli.output.table_columns import ResourceTable, TableColumn
from vimesh.cli.output.vim_columns import exact_moment, since
from vimesh.v1.receiver_service_pb2 import Receiver


def _state(receiver: Receiver) -> str:
    if receiver.disabled:
        return "disabled"
    return f"with {receiver.notifier_id}" if receiver.notifier_id else "no notifier"


def _error(receiver: Receiver) -> str:
    """Return why it gets nothing, if it gets nothing since."""
    if receiver.disabled_reason:
        return receiver.disabled_reason
    failed, delivered = receiver.last_error_time, receiver.last_delivery_time
    is_newer = (failed.seconds, failed.nanos) > (delivered.seconds, delivered.nanos)
    return receiver.last_error if is_newer else ""


RECEIVERS: Final = ResourceTable[Receiver](
    columns=(
        TableColumn("ID", lambda receiver: receiver.id),
        TableColumn("NAME", lambda receiver: receiver.name),
        TableColumn("PROJECT", lambda receiver: receiver.project_id or "<all>"),
        TableColumn("KIND", lambda receiver: receiver.WhichOneof("target") or ""),
        TableColumn("STATE", _state),
        TableColumn(
            "WAITING",
            lambda receiver: since(receiver.pending_since),
            value=lambda receiver: exact_moment(receiver.pending_since),
        ),
        TableColumn(
            "DELIVERED",
            lambda receiver: since(receiver.last_delivery_time),
            value=lambda receiver: exact_moment(receiver.last_delivery_time),
        ),
        TableColumn("DEAD", lambda receiver: str(receiver.dead_count), value=lambda receiver: receiver.dead_count),
        TableColumn("ERROR", _error),
    ),
    name=lambda receiver: receiver.name,
)


def print_receiver(output: Output, receiver: Receiver) -> None:
    if print_item(RECEIVERS, receiver, output):
        return
    content = documents.document(receiver)
    if output is not Output.TABLE:
        documents.write(output, content)
        return
    text_tables.write(("FIELD", "VALUE"), [(field, _text(value)) for field, value in content.items()])


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
