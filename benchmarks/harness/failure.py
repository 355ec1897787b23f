"""Why something cannot be measured."""

from __future__ import annotations


class NotMeasured(Exception):
    """What was to be measured did not happen: something is missing, a verdict is wrong, a wait took too long."""
