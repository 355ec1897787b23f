"""What an event keeps of a VIM, as text: it is made once, and its length counts before it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, Dialect, Text, cast
from sqlalchemy.types import TypeDecorator

FIXED_BYTES: Final = 400
"""Bytes of an event without what its length depends on."""


class Document(TypeDecorator[str]):
    """JSON that was made text already. It is read by `as_text`: drivers hand out JSON in forms of their own."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:  # noqa: ARG002 - SQLAlchemy's
        """Hand the text to the driver as it is."""
        return None


def text_of(document: Mapping[str, Any]) -> str:
    # Escaped, a letter of most alphabets would take three times its bytes.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def as_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    return cast(column, Text)


def size_of(detail: str, document: str | None) -> int:
    """Say how many bytes an event takes in a database, its entry in the index included, about."""
    return FIXED_BYTES + len(detail.encode()) + (len(document.encode()) if document else 0)
