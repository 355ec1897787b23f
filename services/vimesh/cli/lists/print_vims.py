"""Prints one VIM: its fields, its row, or a document."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from vimesh.cli.formats.output_formats import Output
from vimesh.cli.lists.print_lists import print_item
from vimesh.cli.output import documents, text_tables
from vimesh.cli.output.vim_columns import VIMS
from vimesh.v1 import vim_pb2

_NESTED: Final = frozenset({"probe_policy", "labels", "monitor", "maintenance", "cause", "certificate", "evidence"})
_NAMED_BY: Final = {"views": "vantage", "probes": "vantage", "conditions": "type", "headers": "name"}
"""The field that tells the entries of a list apart."""


def one(output: Output, vim: vim_pb2.Vim, probes: Sequence[vim_pb2.ProbeResult] = ()) -> None:
    """Print a VIM; `probes`: what was seen of it now, if somebody looked. A row has no place for that."""
    if print_item(VIMS, vim, output):
        return
    content = documents.document(vim)
    if probes:
        content["probes"] = [documents.document(probe) for probe in probes]
    if output is not Output.TABLE:
        documents.write(output, content)
        return
    text_tables.write(("FIELD", "VALUE"), field_rows(content))


def field_rows(content: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Return the fields of a VIM as a document, each with its value as text."""
    rows: list[tuple[str, str]] = []
    for key, value in content.items():
        if key in _NESTED:
            rows += field_rows(value, f"{prefix}{key}.")
        elif key in _NAMED_BY:
            for named in value:
                others = {name: shown for name, shown in named.items() if name != _NAMED_BY[key]}
                rows += field_rows(others, f"{prefix}{key}.{named[_NAMED_BY[key]]}.")
        elif key == "attempts":
            for number, attempt in enumerate(value, 1):
                rows += field_rows(attempt, f"{prefix}{key}.{number}.")
        elif isinstance(value, str):
            rows.append((f"{prefix}{key}", value))
        else:
            rows.append((f"{prefix}{key}", json.dumps(value, ensure_ascii=False)))
    return rows
