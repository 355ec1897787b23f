"""Defines changes to some of the labels of a VIM."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from vimesh.domain.errors import BadInput
from vimesh.domain.labels.label_syntax import MAX_LABELS, too_many


@dataclass(frozen=True, slots=True)
class LabelChange:
    """A user's changes to some labels: the others stay as they are."""

    values: Mapping[str, str] = field(default_factory=dict)
    """The labels to set."""
    removed: AbstractSet[str] = frozenset()
    """The keys of the labels to remove. A label that is not there stays away."""

    def onto(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the changed labels. Raises BadInput if they are too many."""
        changed = {key: value for key, value in labels.items() if key not in self.removed} | dict(self.values)
        if len(changed) > MAX_LABELS:
            raise BadInput(too_many())
        return changed
