"""Reads the query of a list: filters, fields, limit and marker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from vimesh.api.rest.documents.vim_attributes import boolean
from vimesh.api.rest.documents.vim_document import Document
from vimesh.api.rest.errors.error_answers import bad_request

_NESTED: Final = ("placement_attr", "extra", "vim_project", "auth_cred")
_ALIASES: Final = {"project_id": "tenant_id"}
# Lists have a single order; clients sort the entries they show.
_IGNORED: Final = ("sort_key", "sort_dir", "page_reverse", "verbose")
_MAX_PARAMETERS: Final = 100
"""Far more than there are attributes. Bounded, because each event ID in the query takes a call."""


@dataclass(frozen=True, slots=True)
class ListQuery:
    filters: Mapping[str, frozenset[object]]
    """The allowed values of each attribute in the query. All these attributes must match."""
    fields: frozenset[str]
    """Attributes to show; empty: all."""
    limit: int
    """Maximum number of entries; 0: no limit."""
    marker: str
    """Where to continue; empty: at the beginning."""

    def matches(self, document: Document) -> bool:
        return all(document[name] in values for name, values in self.filters.items())

    def select_fields(self, document: Document) -> Document:
        return {key: value for key, value in document.items() if key in self.fields} if self.fields else document

    def only_value(self, name: str) -> object | None:
        """Return the only value that an attribute may have; None if it may have several, or any."""
        values = self.filters.get(name, frozenset())
        return next(iter(values)) if len(values) == 1 else None


def query_of(request: Request, attributes: Sequence[str]) -> ListQuery:
    """Read the query of a request. Raises RequestRefused.

    Unknown filters are refused: if a misspelled one were ignored, a caller might delete everything that is listed.
    """
    filters: dict[str, set[object]] = {}
    fields: set[str] = set()
    parameters = request.query_params.multi_items()
    if len(parameters) > _MAX_PARAMETERS:
        raise bad_request(f"the query has more than {_MAX_PARAMETERS} parameters")
    for key, value in parameters:
        name = _ALIASES.get(key, key)
        if name == "fields":
            fields.add(_ALIASES.get(value, value))
        elif name in attributes and name not in _NESTED:
            if value:
                filters.setdefault(name, set()).add(_value(name, value))
        elif name not in (*_IGNORED, "limit", "marker"):
            raise bad_request(f"'{key[:100]}' cannot be filtered by")
    return ListQuery(
        filters={name: frozenset(values) for name, values in filters.items()},
        fields=frozenset(fields - {""}),
        limit=_limit(request.query_params.get("limit") or "0"),
        marker=request.query_params.get("marker") or "",
    )


def _value(name: str, text: str) -> object:
    if name == "is_default":
        return boolean(name, text)
    # IDs are stored in lower case, and accepted in any case.
    return text.lower() if name in ("id", "resource_id") else text


def _limit(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    raise bad_request(f"Limit must be an integer 0 or greater and not '{text[:100]}'")
