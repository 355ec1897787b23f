"""Defines where clients of Tacker see and set labels, which Tacker does not have: in `extra`, under `labels`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_KEY: Final = "labels"

Labels = dict[str, str | None]
"""None: the label is to be removed."""


def extra_with_labels(extra: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the `extra` of a VIM as clients of Tacker see it."""
    return {**extra, _KEY: dict(sorted(labels.items()))} if labels else dict(extra)


def split_labels(extra: Mapping[str, Any]) -> tuple[Labels | None, dict[str, Any]]:
    """Return the labels in an `extra` of Tacker, and the rest of it; None if it has none.

    What is named `labels` and does not consist of texts are no labels: somebody stored something else there.
    """
    labels = extra.get(_KEY)
    if not isinstance(labels, Mapping) or not all(
        isinstance(key, str) and isinstance(value, str | None) for key, value in labels.items()
    ):
        return None, dict(extra)
    return dict(labels), {key: value for key, value in extra.items() if key != _KEY}


def changed_labels(stored: Mapping[str, str], changes: Labels) -> dict[str, str]:
    """Return the labels after changes that leave others as they are."""
    return {key: value for key, value in {**stored, **changes}.items() if value is not None}
