"""Checks the columns of a CSV file of VIMs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vimesh.cli.input.field_names import FREE_FORM, KNOWN, POLICY, unknown
from vimesh.domain.labels.label_syntax import is_key
from vimesh.files.file_limits import MAX_COLUMNS, MAX_DEPTH

LABELS = "labels"
_GROUPS = (*FREE_FORM, "probe_policy", LABELS)
"""Groups whose fields have columns of their own, such as `auth_cred.username`."""
_SHOWN = 50
"""Maximum number of characters of a column name in a message."""
_NAME = re.compile(r"[\w./-]*")


def wrong_columns(columns: Sequence[str]) -> str:
    """Return what is wrong with the columns; empty if nothing is."""
    if "name" not in columns:
        if any(mark in column for column in columns for mark in ";\t"):
            return "must separate the columns with commas, as in name,auth_url"
        return "must name the columns, such as name,auth_url,auth_cred.username,auth_cred.password"
    if len(columns) > MAX_COLUMNS:
        return f"has more than {MAX_COLUMNS} columns"
    for number, column in enumerate(columns):
        if wrong := "appears twice" if column in columns[:number] else _wrong_name(column):
            return f"column {_shown(column, number)} {wrong}"
    return ""


def _shown(column: str, number: int) -> str:
    """Return a column as messages name it: by its number if it is no name, which may be text of another format."""
    return column[:_SHOWN] if _NAME.fullmatch(column) else str(number + 1)


def _wrong_name(column: str) -> str:
    group, dot, field = column.partition(".")
    if group == LABELS:
        return "" if is_key(field) else "is no label: it needs a key in Kubernetes' syntax, as in labels.region"
    if column.count(".") >= MAX_DEPTH:
        return f"is nested deeper than {MAX_DEPTH} levels"
    if dot and group not in _GROUPS:
        return f"is unknown: only {', '.join(_GROUPS)} may have columns with a dot"
    if not dot and group in _GROUPS:
        return f"needs a field name, as in {column}.username"
    if group == "probe_policy":
        return unknown(field, POLICY) if field not in POLICY else ""
    return unknown(column) if column and not dot and column not in KNOWN else ""
