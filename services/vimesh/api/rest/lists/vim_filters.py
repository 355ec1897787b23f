"""Translates the filters of the REST API to the filter language of the conductors."""

from __future__ import annotations

from typing import Final

from vimesh.api.rest.lists.list_query import ListQuery
from vimesh.domain.filters.filter_fields import is_cheap
from vimesh.domain.filters.filter_terms import quoted
from vimesh.domain.vims import TYPES, Status

_FIELDS: Final = {
    "id": "id",
    "name": "name",
    "type": "type",
    "status": "status",
    "tenant_id": "project_id",
    "auth_url": "auth_url",
    "is_default": "is_default",
}
_WORDS: Final = {"type": frozenset(TYPES), "status": frozenset(Status)}
# All values together stay within the length limit of a filter, even if every character must be escaped.
_MAX_VALUE: Final = 255


def filter_of(query: ListQuery) -> str | None:
    """Return a filter that excludes no matching VIM; None if no VIM can match.

    The filter may let other VIMs through (a `*` in it stands for any text): check the results again.
    """
    terms = []
    for name, field in _FIELDS.items():
        value = query.only_value(name)
        if value is None:
            continue
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if name in _WORDS and text not in _WORDS[name]:
            return None
        if len(text) <= _MAX_VALUE and text.isprintable() and is_cheap(field, text):
            terms.append(f"{field} = {quoted(text)}")
    return " AND ".join(terms)
