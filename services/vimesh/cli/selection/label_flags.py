"""Reads labels, changes of labels and selectors, as kubectl writes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from vimesh.domain.filters.filter_terms import quoted
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.labels.label_syntax import violations
from vimesh.domain.settings import BadFlag

SELECTOR_FLAG = "--selector"
LABEL_FLAG = "--label"
Labels = Annotated[
    list[str] | None,
    typer.Option(LABEL_FLAG, "-l", metavar="KEY=VALUE", help="Label of the VIM; may be given several times."),
]
Selector = Annotated[
    str,
    typer.Option(
        SELECTOR_FLAG,
        "-l",
        metavar="SELECTOR",
        help="Only VIMs with these labels, such as 'region=eu,owner!=nfv,tier in (1,2),!old'.",
    ),
]
# Each of a requirement without the space around it.
_PLACES = re.compile(r"([^\s!=,()]++)\s++(in|notin)\s*+\(([^()]*+)\)")
_EQUALITY = re.compile(r"([^\s!=,()]++)\s*+(==?+|!=)\s*+([^\s!=,()]*+)")
_PRESENCE = re.compile(r"(!?+)\s*+([^\s!=,()]++)")
_EXAMPLE = "write it as region=eu, owner!=nfv, tier in (1,2), tier notin (1,2), tier or !tier, joined by commas"


def labels_of(given: Iterable[str]) -> dict[str, str]:
    """Read labels such as `region=eu`. Raises BadFlag."""
    change = change_of(given, LABEL_FLAG)
    if change.removed:
        raise BadFlag(LABEL_FLAG, f"{min(change.removed)}- removes a label, and the VIM has none yet")
    return dict(change.values)


def change_of(given: Iterable[str], flag: str) -> LabelChange:
    """Read changes: `region=eu` sets a label, `region-` removes it. Raises BadFlag."""
    values: dict[str, str] = {}
    removed: set[str] = set()
    for text in given:
        key, equals, value = text.partition("=")
        if not equals and not text.endswith("-"):
            raise BadFlag(flag, f"{text[:50]!r} is no label: write KEY=VALUE to set it, or KEY- to remove it")
        key = key if equals else text[:-1]
        if key in values or key in removed:
            raise BadFlag(flag, f"{key[:50]!r} is given twice")
        _require_label(flag, key, value)
        if equals:
            values[key] = value
        else:
            removed.add(key)
    return LabelChange(values, frozenset(removed))


def selected(selector: str, filter_: str = "", project: str | None = None) -> str:
    """Return the filter for the VIMs that a selector selects, that match a filter, and that are in a project.

    Raises BadFlag.
    """
    terms = [_term(part) for part in _parts(selector)]
    terms += [f"project_id = {quoted(project)}"] if project else []
    if filter_.strip():
        terms.insert(0, f"({filter_})" if terms else filter_)
    return " AND ".join(terms)


def _parts(selector: str) -> Sequence[str]:
    """Split a selector at the commas that are not in parentheses."""
    if not selector.strip():
        return ()
    parts, depth, start = [], 0, 0
    for position, character in enumerate(selector):
        depth += (character == "(") - (character == ")")
        if character == "," and not depth:
            parts.append(selector[start:position])
            start = position + 1
    return [*parts, selector[start:]]


def _term(part: str) -> str:
    """Return the term of one requirement. As in Kubernetes, a VIM without the label differs from every value."""
    part = part.strip()
    if found := _PLACES.fullmatch(part):
        key, word, values = found[1], found[2], [value.strip() for value in found[3].split(",")]
        alternatives = " OR ".join(_equals(key, value) for value in values)
        return f"({alternatives})" if word == "in" else f"NOT ({alternatives})"
    if found := _EQUALITY.fullmatch(part):
        term = _equals(found[1], found[3])
        return f"NOT {term}" if found[2] == "!=" else term
    if found := _PRESENCE.fullmatch(part):
        _require_label(SELECTOR_FLAG, found[2], "")
        return f"{'NOT ' if found[1] else ''}labels.{found[2]}:*"
    raise BadFlag(SELECTOR_FLAG, f"{part[:50]!r} selects nothing: {_EXAMPLE}")


def _equals(key: str, value: str) -> str:
    _require_label(SELECTOR_FLAG, key, value)
    return f"labels.{key} = {quoted(value)}"


def _require_label(flag: str, key: str, value: str) -> None:
    if wrong := violations({key: value}):
        raise BadFlag(flag, wrong[0].description)
