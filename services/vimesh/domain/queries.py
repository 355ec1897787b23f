"""Defines what a list of VIMs can be asked for: filter, order, page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vimesh.domain.errors import BadInput, FilterInvalid, Violation
from vimesh.domain.vims import TYPES, Status, Vim

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
MAX_PAGE_BYTES = 1024 * 1024
"""Clients accept 4 MiB by default. A VIM larger than this gets a page to itself: all are smaller than 2 MiB."""
MAX_PAGE_VALUES = 25_000
"""JSON values in the free-form fields of a page: each costs more than a microsecond, however few bytes it has."""


class Operator(StrEnum):
    EQUALS = "="
    DIFFERS = "!="


@dataclass(frozen=True, slots=True)
class Term:
    field: str
    operator: Operator
    value: str
    """In `name` and `auth_url`, `*` stands for any text."""


@dataclass(frozen=True, slots=True)
class Order:
    field: str = "create_time"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class VimQuery:
    terms: tuple[Term, ...] = ()
    order: Order = Order()
    page_size: int = DEFAULT_PAGE_SIZE
    page_token: str = ""
    projects: frozenset[str] | None = None
    """The projects whose VIMs exist for the caller; None: all."""


@dataclass(frozen=True, slots=True)
class VimPage:
    vims: Sequence[Vim]
    next_page_token: str
    """Empty on the last page."""


FILTER_FIELDS = ("id", "name", "type", "status", "project_id", "auth_url", "is_default", "engine")
ORDER_FIELDS = ("name", "create_time", "status_time")
_WORDS: dict[str, Sequence[str]] = {
    "status": tuple(Status),
    "type": TYPES,
    "is_default": ("true", "false"),
    "engine": ("EMBEDDED", "MISTRAL", "EXTERNAL"),
}
# An unterminated quote consumes the rest of the text, so that none of it is scanned twice.
_TOKEN = re.compile(r"""(?P<op>!=|=)|"(?P<quoted>(?:[^"\\]|\\.)*+)"|(?P<word>[^\s"=!]++)|(?P<bad>"[\s\S]*|\S)""")
_MAX_TERMS = 16
WILD_FIELDS = ("name", "auth_url")
MAX_WILDCARDS = 8
MAX_PATTERN = 128
"""Most characters of a value with wildcards: it is compared at each position of a text, which may be long."""


def parse_filter(text: str) -> tuple[Term, ...]:
    """Parse `field = value AND field != "value"`, the supported subset of AIP-160. Raises FilterInvalid."""
    tokens = [(m.lastgroup or "", m[m.lastgroup or 0]) for m in _TOKEN.finditer(text)]
    terms: list[Term] = []
    while tokens:
        if len(terms) == _MAX_TERMS:
            raise FilterInvalid(f"more than {_MAX_TERMS} terms")
        if [kind for kind, _ in tokens[:2]] != ["word", "op"] or len(tokens) < 3 or tokens[2][0] not in _VALUES:
            raise FilterInvalid('write it as: status = UNREACHABLE AND name = "lab*"')
        terms.append(_term(tokens[0][1], tokens[1][1], *tokens[2]))
        rest = tokens[3:]
        if rest and (rest[0] != ("word", "AND") or len(rest) == 1):
            raise FilterInvalid("terms are joined by AND")
        tokens = rest[1:]
    return tuple(terms)


_VALUES = ("word", "quoted")


def is_cheap(field: str, value: str) -> bool:
    """Return whether a database can compare the value quickly with any text."""
    stars = value.count("*") if field in WILD_FIELDS else 0
    return not stars or (stars <= MAX_WILDCARDS and len(value) <= MAX_PATTERN)


def quoted(value: str) -> str:
    """Quote a value for use in a filter."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _term(field: str, operator: str, kind: str, value: str) -> Term:
    if field not in FILTER_FIELDS:
        raise FilterInvalid(f"{field[:50]!r} cannot be filtered by; use one of {', '.join(FILTER_FIELDS)}")
    if kind == "quoted":
        value = re.sub(r"\\(.)", r"\1", value)
    words = _WORDS.get(field)
    if words and value not in words:
        raise FilterInvalid(f"{field} must be one of {', '.join(words)}, not {value[:50]!r}")
    if not is_cheap(field, value):
        raise FilterInvalid(
            f"a value of {field} with * may have at most {MAX_WILDCARDS} of them and {MAX_PATTERN} characters"
        )
    # Ids are stored in lower case, and accepted in any case.
    return Term(field, Operator(operator), value.lower() if field == "id" else value)


def parse_order(text: str) -> Order:
    """Parse `field`, `field asc` or `field desc`. Raises BadInput."""
    match text.split():
        case []:
            return Order()
        case [field] if field in ORDER_FIELDS:
            return Order(field)
        case [field, "asc" | "desc" as way] if field in ORDER_FIELDS:
            return Order(field, descending=way == "desc")
        case _:
            raise BadInput(
                Violation("order_by", f"must be one of {', '.join(ORDER_FIELDS)}, optionally followed by desc"),
            )
