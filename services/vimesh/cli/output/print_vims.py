"""Prints one VIM or many, as tables or documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from vimesh.cli.base.command_settings import Output
from vimesh.cli.output import documents, text_tables, vim_columns
from vimesh.v1 import vim_pb2


def many(output: Output, vims: Sequence[vim_pb2.Vim], *, long: bool = False, show_labels: bool = False) -> None:
    if output is not Output.TABLE:
        documents.write_all(output, vims)
        return
    chosen = dict(vim_columns.LONG if long else vim_columns.SHORT)
    if any(map(vim_columns.in_maintenance, vims)):
        chosen |= vim_columns.MAINTENANCE
    if show_labels:
        chosen |= vim_columns.LABELS
    text_tables.write(list(chosen), [[cell(vim) for cell in chosen.values()] for vim in vims])


def one(output: Output, vim: vim_pb2.Vim) -> None:
    content = documents.document(vim)
    if output is not Output.TABLE:
        documents.write(output, content)
        return
    rows = list(_rows(content, ""))
    text_tables.write(("FIELD", "VALUE"), rows)


def _rows(content: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in content.items():
        if key in {"probe_policy", "labels", "monitor", "maintenance"}:
            rows += _rows(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            rows.append((f"{prefix}{key}", value))
        else:
            rows.append((f"{prefix}{key}", json.dumps(value, ensure_ascii=False)))
    return rows
