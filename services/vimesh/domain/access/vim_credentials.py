"""Defines the credentials of a VIM as a monitor gets them for a login."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_REGIONS: Final = 100


@dataclass(frozen=True, slots=True)
class VimCredentials:
    """Not shown by `repr`: nothing of it may get into a log."""

    type: str
    auth_cred: Mapping[str, object] = field(repr=False)
    """As its user entered it, with its secrets."""
    vim_project: Mapping[str, object] = field(repr=False)
    regions: tuple[str, ...] = ()
    """Those in the placement_attr; none: all."""
    project_id: str = ""
    """The project to which the VIM belongs, for the audit."""


def regions_of(placement_attr: Mapping[str, object]) -> tuple[str, ...]:
    """Return the regions that a user named, at most MAX_REGIONS. What is no list of texts names none."""
    given = placement_attr.get("regions")
    regions = given if isinstance(given, list) else []
    return tuple(region for region in regions if isinstance(region, str) and region)[:MAX_REGIONS]
