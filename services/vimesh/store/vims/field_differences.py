"""Says which fields of a VIM differ, by their paths in the contract, when columns change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from vimesh.domain.bulk.apply_plan import ENGINE, POLICY_PATHS, FieldDifference
from vimesh.domain.credential_masks import mask_secrets, mask_text
from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.store.rows.vim_rows import policy_of
from vimesh.store.rows.vim_secrets import FREE_FORM
from vimesh.store.rows.visible_rows import Row

_PLAIN: Final = ("name", "description", "type", "auth_cred", ENGINE)


def field_differences(before: Row, changed: Mapping[str, Any]) -> list[FieldDifference]:
    """Return the fields whose columns change, with their values as they may be shown."""
    return list(_differences(before, changed))


def _differences(before: Row, changed: Mapping[str, Any]) -> Iterator[FieldDifference]:
    for column, value in changed.items():
        if column in _PLAIN:
            yield FieldDifference(column, before[column], value)
        elif column == "auth_url":
            yield FieldDifference(column, mask_text(before[column]), mask_text(value))
        elif column in FREE_FORM:
            # Rows of earlier versions have secrets in the clear.
            yield FieldDifference(column, mask_secrets(before[column]), value)
        elif column == "default_of":
            yield FieldDifference("is_default", before[column] is not None, value is not None)
        elif column == "labels":
            yield from _label_differences(before[column] or {}, value or {})
        elif column == "policy":
            old, new = policy_of(before[column]), policy_of(value)
            for path, name in POLICY_PATHS.items():
                if getattr(old, name) != getattr(new, name):
                    yield FieldDifference(path, getattr(old, name), getattr(new, name))


def _label_differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[FieldDifference]:
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            yield FieldDifference(f"{LABEL_PREFIX}{key}", before.get(key), after.get(key))
