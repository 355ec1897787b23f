"""Decides what it takes to make a VIM what it should be, and what of it others have set.

A field belongs to the apply set if the set was the last to change it. What differs of a field that is not the set's,
and that is not at its default, was set by somebody else: it is a conflict, unless the set is told to take it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from vimesh.domain.errors import ApplyConflict, BadInput, NotInApplySet, Violation
from vimesh.domain.events import EventKind
from vimesh.domain.filters.filter_fields import LABEL_PREFIX
from vimesh.domain.labels.label_change import LabelChange
from vimesh.domain.probing import POLICY_FIELDS, PolicyChange, ProbePolicy
from vimesh.domain.vims import AppliedFields, Engine, Modification, Registration

MAX_APPLIED: Final = 500
"""Maximum number of VIMs in a call: most of them are usually as they should be, and are only compared."""
ENGINE: Final = "engine"
POLICY_PATHS: Final = {f"probe_policy.{name.removesuffix('_s')}": name for name in POLICY_FIELDS}
"""The fields of a policy, by their paths in the contract."""
_SHOWN_CHARACTERS: Final = 200
_DEFAULT_POLICY: Final = ProbePolicy()
_DEFAULTS: Final[Mapping[str, Any]] = {
    "description": "",
    "vim_project": {},
    "auth_cred": {},
    "is_default": False,
    "placement_attr": {},
    "extra": {},
    **{path: getattr(_DEFAULT_POLICY, name) for path, name in POLICY_PATHS.items()},
}
"""What fields are that nobody has set. The others, but for labels, are always set by somebody."""


@dataclass(frozen=True, slots=True)
class ApplyRules:
    """How VIMs are applied, all of one call alike."""

    apply_set: str
    adopt: bool = False
    """Take VIMs into the set that do not belong to it."""
    force: bool = False
    """Set fields also that others have set."""
    default_engine: Engine = Engine.EMBEDDED
    """That of new VIMs for which none is named."""


@dataclass(frozen=True, slots=True)
class DesiredVim:
    """A VIM as it should be."""

    project_id: str
    name: str
    modification: Modification = field(default_factory=Modification)
    """The values of the fields. Its policy and labels, if any, are changes of single ones."""
    fields: frozenset[str] = frozenset()
    """The paths of the fields to apply."""
    etag: str = ""
    """If given, the VIM must still have it to be changed."""
    is_new: bool = False
    """It must not exist yet, unless it is as it should be."""
    absent: bool = False
    """It should not exist. Nothing else but the etag counts then."""

    def registration(self, rules: ApplyRules) -> Registration:
        """Return what registers it. Raises BadInput."""
        given = self.modification
        missing = [name for name in ("type", "auth_url") if not getattr(given, name)]
        if missing:
            raise BadInput(*(Violation(f"vim.{name}", "is required for a VIM that does not exist") for name in missing))
        return Registration(
            name=self.name,
            type=given.type or "",
            auth_url=given.auth_url or "",
            project_id=self.project_id,
            description=given.description or "",
            vim_project=given.vim_project or {},
            auth_cred=given.auth_cred or {},
            is_default=bool(given.is_default),
            placement_attr=given.placement_attr or {},
            extra=given.extra or {},
            policy=given.policy.onto(_DEFAULT_POLICY) if isinstance(given.policy, PolicyChange) else _DEFAULT_POLICY,
            engine=given.engine or rules.default_engine,
            labels=given.labels.values if isinstance(given.labels, LabelChange) else {},
            applied=AppliedFields(rules.apply_set, self.fields),
        )


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """What a field is, and what it should be. Secrets are masked."""

    field: str
    before: object
    """None: there is none, as of a label."""
    after: object


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A difference for people: the values as JSON, cut, and empty if there is none. Equal ones: a secret differs."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class AppliedVim:
    """What became of a VIM, or would."""

    kind: EventKind | None
    """REGISTERED, MODIFIED or DEREGISTERED; None: it already was as it should be."""
    vim_id: str
    """Empty if it would be registered."""
    etag: str
    """The one that it had before; empty if it did not exist."""
    changes: tuple[FieldChange, ...] = ()


def change_of(difference: FieldDifference) -> FieldChange:
    return FieldChange(
        difference.field,
        _shown(difference.field, difference.before),
        _shown(difference.field, difference.after),
    )


def _shown(path: str, value: object) -> str:
    if value is None:
        return ""
    if POLICY_PATHS.get(path, "").endswith("_s"):
        return f"{value:g}s"
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 1]}…"


def managed_fields(name: str, stored: AppliedFields | None, rules: ApplyRules) -> frozenset[str]:
    """Return the fields of a VIM that the set manages. Raises NotInApplySet unless the VIM belongs to it, or may."""
    if stored is not None and stored.apply_set == rules.apply_set:
        return frozenset(stored.fields)
    if not rules.adopt:
        raise NotInApplySet(name, stored.apply_set if stored else "")
    return frozenset()


def with_defaults(modification: Modification, released: Collection[str]) -> Modification:
    """Return a modification that sets the fields, too, that are not given any more.

    The URL, the type and the engine have no default, and stay.
    """
    plain = {path: _DEFAULTS[path] for path in released if path in _DEFAULTS and path not in POLICY_PATHS}
    labels = frozenset(path.removeprefix(LABEL_PREFIX) for path in released if path.startswith(LABEL_PREFIX))
    policy = {POLICY_PATHS[path]: _DEFAULTS[path] for path in released if path in POLICY_PATHS}
    if labels:
        given = modification.labels if isinstance(modification.labels, LabelChange) else LabelChange()
        plain["labels"] = LabelChange(given.values, given.removed | labels)
    if policy:
        given_policy = modification.policy if isinstance(modification.policy, PolicyChange) else PolicyChange()
        plain["policy"] = replace(given_policy, **policy)
    return replace(modification, **plain) if plain else modification


def require_no_conflict(
    desired: DesiredVim,
    managed: Collection[str],
    stored: AppliedFields | None,
    differences: Collection[FieldDifference],
) -> None:
    """Raise ApplyConflict if fields differ that others have set."""
    overridden = stored.overridden if stored else frozenset()
    foreign = [
        one.field
        for one in differences
        if one.field in desired.fields and one.field not in managed and (one.field in overridden or not _is_unset(one))
    ]
    if foreign:
        raise ApplyConflict(desired.name, foreign)


def _is_unset(one: FieldDifference) -> bool:
    """Return whether the field has the value that it has if nobody sets it."""
    return one.before is None or (one.field in _DEFAULTS and one.before == _DEFAULTS[one.field])
