"""Defines the fields that filters compare, with which operators, and to which values."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from vimesh.domain.conditions.conditions import ConditionStatus
from vimesh.domain.filters.condition_terms import is_condition
from vimesh.domain.filters.filter_terms import Operator
from vimesh.domain.labels.label_syntax import is_key
from vimesh.domain.vims import TYPES, Engine, Status

MAX_WILDCARDS = 8
MAX_PATTERN = 128
"""Most characters of a value with wildcards: it is compared at each position of a text, which may be long."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?")


class FieldKind(Enum):
    TEXT = "a text"
    PATTERN = "a text, in which * stands for any text"
    WORD = "one of some words"
    LABEL = "a label, in whose value * stands for any text"
    TIME = "a time such as 2026-10-01T08:00:00Z, or a day such as 2026-10-01, which begins at midnight UTC"


_EQUALITY = (Operator.EQUALS, Operator.DIFFERS)
OPERATORS: Mapping[FieldKind, Sequence[Operator]] = {
    FieldKind.TEXT: _EQUALITY,
    FieldKind.PATTERN: (*_EQUALITY, Operator.HAS),
    FieldKind.WORD: _EQUALITY,
    FieldKind.LABEL: (*_EQUALITY, Operator.HAS),
    FieldKind.TIME: tuple(operator for operator in Operator if operator is not Operator.HAS),
}


@dataclass(frozen=True, slots=True)
class FilterField:
    kind: FieldKind
    description: str
    words: Sequence[str] = ()
    """The values of a WORD."""


_BOOLEAN = ("true", "false")
FIELDS: Mapping[str, FilterField] = {
    "id": FilterField(FieldKind.TEXT, "ID of the VIM"),
    "name": FilterField(FieldKind.PATTERN, "name"),
    "type": FilterField(FieldKind.WORD, "type", TYPES),
    "status": FilterField(FieldKind.WORD, "status", tuple(Status)),
    "reason": FilterField(FieldKind.PATTERN, "reason of the status, such as TIMEOUT"),
    "project_id": FilterField(FieldKind.TEXT, "project"),
    "auth_url": FilterField(FieldKind.PATTERN, "URL"),
    "is_default": FilterField(FieldKind.WORD, "whether it is the default VIM of its project", _BOOLEAN),
    "engine": FilterField(FieldKind.WORD, "where its ping action runs", tuple(Engine)),
    "apply_set": FilterField(FieldKind.TEXT, "apply set that it belongs to"),
    "maintenance": FilterField(FieldKind.WORD, "whether it is in maintenance", _BOOLEAN),
    "flapping": FilterField(FieldKind.WORD, "whether it flaps; not in watches, events and counts", _BOOLEAN),
    "create_time": FilterField(FieldKind.TIME, "when it was registered"),
    "update_time": FilterField(FieldKind.TIME, "when people last changed it"),
    "status_time": FilterField(FieldKind.TIME, "since when it has its status"),
    "certificate.not_after": FilterField(FieldKind.TIME, "when its certificate ends"),
    "certificate.issuer": FilterField(FieldKind.PATTERN, "issuer of its certificate"),
}
"""In the order in which help and errors list them."""


LABELS = "labels"
LABEL_PREFIX = f"{LABELS}."
"""What the field of a label begins with; its key follows."""
SETTABLE_FIELDS = ("id", "name", "type", "project_id", "auth_url", "is_default", "engine", "apply_set", "create_time")
"""The fields, besides labels, that change only when people change the VIM."""
_CONDITION = FilterField(FieldKind.WORD, "status of a condition: condition.CertificateValid", tuple(ConditionStatus))
_LABEL = FilterField(FieldKind.LABEL, "value of a label: labels.region")
_PATTERNS = frozenset({FieldKind.PATTERN, FieldKind.LABEL})


def field_of(name: str) -> FilterField | None:
    """Return the field of this name; None if there is none."""
    if name.startswith(LABEL_PREFIX):
        return _LABEL if is_key(name.removeprefix(LABEL_PREFIX)) else None
    if is_condition(name):
        return _CONDITION
    return FIELDS.get(name)


def is_settable(name: str) -> bool:
    """Return whether a field changes only when people change the VIM."""
    return name in SETTABLE_FIELDS or name.startswith(LABEL_PREFIX)


def has_patterns(field: FilterField) -> bool:
    """Return whether `*` stands for any text in its values."""
    return field.kind in _PATTERNS


def is_cheap(name: str, value: str) -> bool:
    """Return whether a database can compare the value quickly with any text."""
    field = field_of(name)
    if field is None or not has_patterns(field):
        return True
    stars = value.count("*")
    return not stars or (stars <= MAX_WILDCARDS and len(value) <= MAX_PATTERN)


def micros_of_time(text: str) -> int | None:
    """Return the microseconds since 1970 of a time after RFC 3339, or of the start of a day; None if it is neither."""
    if not _TIME.fullmatch(text):
        return None
    try:
        time = dt.datetime.fromisoformat(text)
        return ((time if time.tzinfo else time.replace(tzinfo=dt.UTC)) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
