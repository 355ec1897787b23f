"""Bounds that both ends of a call know."""

from __future__ import annotations

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""A larger request is refused with RESOURCE_EXHAUSTED before it is read."""
