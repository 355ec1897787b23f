"""Checks ids: UUIDs as text, case-insensitive."""

from __future__ import annotations

import uuid


def is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
