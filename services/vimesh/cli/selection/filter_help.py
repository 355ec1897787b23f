"""What help says of filters. Only help imports it."""

from __future__ import annotations

from typing import Final

from vimesh.domain.conditions.conditions import ConditionStatus
from vimesh.domain.filters.filter_fields import FIELDS, OPERATORS, FieldKind, FilterField


def _field_line(name: str, field: FilterField) -> str:
    values = f" ({', '.join(field.words)})" if field.words else ""
    return f"  {name:<21} {' '.join(OPERATORS[field.kind]):<16} {field.description}{values}"


FILTER_HELP: Final = "\n".join((
    "\b",
    "Filters:",
    '  status != REACHABLE AND (name = "lab*" OR labels.region = eu)',
    "  Terms are joined by AND, OR (which binds more tightly), NOT or -, and",
    "  parentheses. Texts with spaces are quoted. In name, auth_url, reason and",
    "  labels, * stands for any text, and : asks whether the value contains a text.",
    "",
    "\b",
    "Fields:                Operators:",
    *(_field_line(name, field) for name, field in FIELDS.items()),
    _field_line("condition.TYPE", FilterField(FieldKind.WORD, "status of a condition", tuple(ConditionStatus))),
    _field_line("labels.KEY", FilterField(FieldKind.LABEL, "value of a label; labels.KEY:* if it has one")),
    "  Times are such as 2026-10-01T08:00:00Z, or a day such as 2026-10-01.",
))  # fmt: skip
