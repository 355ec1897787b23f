"""Reports why something cannot be measured."""

from __future__ import annotations


class NotMeasured(Exception):
    """The event to be measured did not happen: something is missing, a verdict is wrong, or a wait took too long."""
