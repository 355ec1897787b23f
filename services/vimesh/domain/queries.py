"""Defines what a list of VIMs can be asked for: filter, order, page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.filters.vim_filter import EVERY_VIM, Filter
from vimesh.domain.vims import Vim

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
MAX_PAGE_BYTES = 1024 * 1024
"""Clients accept 4 MiB by default. A VIM larger than this gets a page to itself: all are smaller than 2 MiB."""
MAX_PAGE_VALUES = 25_000
"""JSON values in the free-form fields of a page: each costs more than a microsecond, however few bytes it has."""


@dataclass(frozen=True, slots=True)
class Order:
    field: str = "create_time"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class VimQuery:
    filter: Filter = EVERY_VIM
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


ORDER_FIELDS = ("name", "create_time", "status_time")


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
