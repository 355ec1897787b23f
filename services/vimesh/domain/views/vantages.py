"""Defines the vantages that VIMs may have."""

from __future__ import annotations

import re
from typing import Final

from vimesh.domain.errors import BadInput, Violation
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vims import Engine

DEFAULT_VANTAGE: Final = "default"
"""The vantage of monitors that are started without one, and of VIMs whose policy names none."""

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


def vantage_name(text: str) -> str:
    """Return the name of a vantage. Raises ValueError."""
    if not _NAME.fullmatch(text):
        raise ValueError("must be 1 to 63 letters, digits, -, _ and ., and start and end with a letter or digit")
    return text


def require_monitors(engine: Engine, policy: ProbePolicy) -> None:
    """Raise BadInput if a policy names vantages for an engine whose actions no monitor runs."""
    if policy.vantages and engine is not Engine.EMBEDDED:
        text = f"only the engine {Engine.EMBEDDED} probes from vantages that a policy names, and this VIM has {engine}"
        raise BadInput(Violation("vim.probe_policy.vantages", text))
