"""Why a fleet cannot be measured."""

from __future__ import annotations


class NotMeasured(Exception):
    """What was to be measured did not happen: a VIM is missing, a watch has a gap, a wait took too long."""
