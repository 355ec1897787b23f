"""Serializes the documents of events once, so that their length is known before they are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import JSON, ColumnElement, Dialect, Text, cast
from sqlalchemy.types import TypeDecorator

# Not escaped: an escaped letter of most other alphabets would take three times as many bytes.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

FIXED_BYTES: Final = 400
"""Bytes of an event without its parts of variable length."""


class Document(TypeDecorator[str]):
    """JSON that is already serialized. Read it with `as_text`: drivers return JSON in different forms."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:  # noqa: ARG002 - SQLAlchemy's
        """Pass the text to the driver unchanged."""
        return None


def text_of(document: Mapping[str, Any]) -> str:
    return _encode(document)


def as_text(column: ColumnElement[Any]) -> ColumnElement[str]:
    return cast(column, Text)


def size_of(detail: str, document: str | None, actor: str) -> int:
    """Return the approximate bytes of an event in a database, including its index entry."""
    return FIXED_BYTES + len(detail.encode()) + (len(document.encode()) if document else 0) + len(actor.encode())
