"""Serializes the values of JSON columns."""

from __future__ import annotations

import json


def json_text(value: object) -> str:
    """Return the text of a value: the `json_serializer` of all engines. Most free-form fields are empty."""
    return "{}" if value == {} else json.dumps(value)
