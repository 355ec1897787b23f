"""Names what callers may do: each has roles, and `rpc_table` says which of them an RPC is for."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class CallerRole(StrEnum):
    READER = "reader"
    """Gets, lists and watches the VIMs of its projects."""
    OPERATOR = "operator"
    """Also registers, modifies and deregisters them."""
    ADMIN = "admin"
    """Does that in all projects, and looks at engines and reflection."""
    REPORTER = "reporter"
    """Reports on VIMs: ping actions, wherever they run."""
    DRIVER = "driver"
    """Starts and stops workflows, and serves Tacker's REST: the api processes."""


PEOPLE: Final = frozenset({CallerRole.READER, CallerRole.OPERATOR, CallerRole.ADMIN})
EVERYONE: Final = frozenset(CallerRole)
NOBODY: Final[frozenset[CallerRole]] = frozenset()
