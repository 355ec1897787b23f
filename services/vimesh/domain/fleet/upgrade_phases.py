"""Defines the two phases in which the tables are upgraded while conductors run."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TABLES_FACT: Final = "tables"
"""Under this name each conductor announces the newest version of the tables that it knows."""


class UpgradePhase(StrEnum):
    EXPAND = "expand"
    """Adds what this release needs; conductors of the release before run on beside it."""
    CONTRACT = "contract"
    """Takes away, or changes, what earlier conductors need: only once none of them runs."""


@dataclass(frozen=True, slots=True)
class UpgradeStep:
    """Versions of the tables in a row whose migrations are of one phase."""

    phase: UpgradePhase
    versions: tuple[str, ...]

    @property
    def target(self) -> str:
        """The version of the tables after it."""
        return self.versions[-1]


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a database, as seen by this release."""

    version: str | None
    """None: there are none."""
    compatible_from: str | None
    """The oldest version whose conductors can use them; None: of a version that did not say so."""
    is_newer: bool = False
    """Whether a newer release made them."""
    steps: tuple[UpgradeStep, ...] = ()
    """What this release would still do, in order."""

    @property
    def serves(self) -> bool:
        """Whether this release can use them: what is left to do, if anything, is to contract them."""
        return self.version is not None and all(step.phase is UpgradePhase.CONTRACT for step in self.steps)

    def steps_of(self, phase: UpgradePhase | None) -> tuple[UpgradeStep, ...]:
        """Return the steps to take for a phase; None: for both. A new database has nobody to wait for: all.

        Raises OtherPhaseFirst.
        """
        if phase is None or self.version is None:
            return self.steps
        if self.steps and self.steps[0].phase is not phase and any(step.phase is phase for step in self.steps):
            raise OtherPhaseFirst(self.steps[0])
        return tuple(step for step in self.steps[:1] if step.phase is phase)


class OtherPhaseFirst(Exception):
    """The migrations that come next are of the other phase."""

    def __init__(self, step: UpgradeStep) -> None:
        super().__init__(f"the tables have to be upgraded to version {step.target} first")
        self.step = step


def steps_to(versions: Iterable[tuple[str, UpgradePhase]]) -> tuple[UpgradeStep, ...]:
    """Gather versions, which are in order, with the phases of their migrations."""
    groups = itertools.groupby(versions, key=lambda each: each[1])
    return tuple(UpgradeStep(phase, tuple(version for version, _ in group)) for phase, group in groups)
