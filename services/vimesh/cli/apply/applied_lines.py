"""Prints what became of each thing that was applied, or would: lines for people, and documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from vimesh.cli.base.exits import Failure

_SHOWN_PROBLEMS: Final = 20


class ApplyOutcome(StrEnum):
    CREATED = "CREATED"
    REGISTERED = "REGISTERED"
    MODIFIED = "MODIFIED"
    UNCHANGED = "UNCHANGED"
    DELETED = "DELETED"
    DEREGISTERED = "DEREGISTERED"


@dataclass(frozen=True, slots=True)
class ChangedField:
    """What a field was, and is now, as JSON for people. Equal ones say that a secret differs."""

    field: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        if self.before == self.after:
            return f"{self.field}: a secret differs"
        return f"{self.field}: {self.before or '(none)'} -> {self.after or '(none)'}"


@dataclass(frozen=True, slots=True)
class AppliedThing:
    """What became of one thing, or would."""

    kind: str
    """What people call it, such as `VIM`."""
    outcome: ApplyOutcome
    project_id: str
    name: str
    id: str = ""
    fields: Sequence[str] = ()
    """The fields that were modified."""
    changes: Sequence[ChangedField] = ()
    """Their values, if they are known."""

    def lines(self, *, only_check: bool) -> list[str]:
        """Return what to tell people. `only_check`: whether nothing was changed."""
        project = f" of project {self.project_id}" if self.project_id else ""
        subject = f"{self.kind} {self.name}{project}"
        if self.outcome is ApplyOutcome.UNCHANGED:
            return [f"{subject} is unchanged"]
        fields = f": {', '.join(self.fields)}" if self.fields else ""
        deed = f"{subject} {'would be' if only_check else 'was'} {self.outcome.lower()}{fields}"
        return [deed, *(f"    {change}" for change in self.changes)]

    def document(self) -> dict[str, Any]:
        """Return what to tell programs."""
        content: dict[str, Any] = {
            "outcome": str(self.outcome),
            "id": self.id,
            "project_id": self.project_id,
            "name": self.name,
            "fields": list(self.fields),
        }
        changes: list[Mapping[str, str]] = [
            {"field": change.field, "before": change.before, "after": change.after} for change in self.changes
        ]
        return {**content, "changes": changes} if self.kind == "VIM" else content


def refuse(source: object, problems: Sequence[str], *, hint: str = "") -> None:
    """Raise Failure, which names the source, if there are problems."""
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        details = [*problems[:_SHOWN_PROBLEMS], *([f"and {more} more"] if more > 0 else [])]
        raise Failure(f"{source} cannot be applied; nothing was changed", details=details, hint=hint)
