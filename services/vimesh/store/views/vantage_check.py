"""Refuses vantages while conductors run that do not know them: they would break actions, and could list no VIMs."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from sqlalchemy import Connection

from vimesh.domain.probing import ProbePolicy
from vimesh.domain.views.vantage_errors import OlderConductors
from vimesh.store.rows.conductor_versions import older_conductors

_KNOWN_SINCE: Final = "0025"
"""The version of the tables whose conductors were the first to know vantages."""


class VantageCheck:
    """Judges the policies that a transaction is to store. It reads who runs once, and only if vantages are named."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def require(self, policy: ProbePolicy) -> None:
        """Raise OlderConductors if the policy says what a conductor that was heard of lately cannot read."""
        if (policy.vantages or policy.quorum) and self._older:
            raise OlderConductors(len(self._older))

    @cached_property
    def _older(self) -> list[str]:
        return older_conductors(self._connection, _KNOWN_SINCE)
