"""Names groups of roles. The table of RPCs says which group an RPC is for."""

from __future__ import annotations

from typing import Final

from vimesh.domain.access.caller import CallerRole

WRITING_PEOPLE: Final = frozenset({CallerRole.OPERATOR, CallerRole.ADMIN})
PEOPLE: Final = WRITING_PEOPLE | {CallerRole.READER}
NOBODY: Final[frozenset[CallerRole]] = frozenset()
EVERYONE: Final = frozenset(CallerRole)
"""Every caller that has an identity, even one without a role."""
