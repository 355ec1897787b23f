"""Refuses vantages and depths while conductors run that do not know them: they would break actions, or list no VIM."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from sqlalchemy import Connection

from vimesh.domain.probing import ProbePolicy
from vimesh.domain.views.vantage_errors import OlderConductors
from vimesh.store.rows.conductor_versions import older_conductors

_VANTAGES_SINCE: Final = "0025"
"""The version of the tables whose conductors were the first to know vantages."""
_DEPTH_SINCE: Final = "0028"
_DEFAULT: Final = ProbePolicy()


class VantageCheck:
    """Judges the policies that a transaction is to store. It reads who runs once, and only if that matters."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def require(self, policy: ProbePolicy) -> None:
        """Raise OlderConductors if the policy says what a conductor that was heard of lately cannot read."""
        if (policy.vantages or policy.quorum) and self._without_vantages:
            raise OlderConductors(len(self._without_vantages))
        has_depth = policy.depth is not _DEFAULT.depth or policy.login_interval_s != _DEFAULT.login_interval_s
        if has_depth and self._without_depth:
            raise OlderConductors(len(self._without_depth), "depths")

    @cached_property
    def _without_vantages(self) -> list[str]:
        return older_conductors(self._connection, _VANTAGES_SINCE)

    @cached_property
    def _without_depth(self) -> list[str]:
        return older_conductors(self._connection, _DEPTH_SINCE)
