"""Reads the locks, and what pyproject.toml says that is in each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "deploy/locks"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
TABLE: dict[str, dict[str, Any]] = PROJECT["tool"]["vimesh"]["locks"]
_ENTRY = re.compile(
    r"^(?P<pin>[^\s#][^\\\n]*) \\\n(?P<hashes>(?: {4}--hash=.*\n)+)(?P<via>(?: {4}#.*\n)*)", re.MULTILINE
)


@dataclass(frozen=True)
class Pin:
    requirement: Requirement
    hashes: tuple[str, ...]
    is_declared: bool
    """Whether uv took it from pyproject.toml itself, and not from the needs of another package."""

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    @property
    def version(self) -> Version:
        (specifier,) = self.requirement.specifier
        assert specifier.operator == "=="
        return Version(specifier.version)


def text_of(lock: str) -> str:
    return (LOCKS / f"{lock}.txt").read_text()


def pins_of(lock: str) -> list[Pin]:
    return [
        Pin(
            Requirement(entry["pin"]),
            tuple(re.findall(r"--hash=(\S+)", entry["hashes"])),
            "vimesh (pyproject.toml" in entry["via"],
        )
        for entry in _ENTRY.finditer(text_of(lock))
    ]


def declared_for(lock: Mapping[str, Any], project: Mapping[str, Any] = PROJECT) -> Iterator[Requirement]:
    """Yield what pyproject.toml wants in a lock, that of included extras and groups too."""
    if "extras" in lock:
        yield from map(Requirement, project["project"]["dependencies"])
    yield from _of_extras(lock.get("extras", ()), project)
    yield from _of_groups(lock.get("groups", ()), project)


def disagreements(lock: str, project: Mapping[str, Any] = PROJECT) -> list[str]:
    """Return where a lock is not what pyproject.toml declares."""
    pins, wanted = pins_of(lock), list(declared_for(TABLE[lock], project))
    names = {canonicalize_name(one.name) for one in wanted}
    stale = [pin.name for pin in pins if pin.is_declared and pin.name not in names]
    return [
        *(str(one) for one in wanted if not _is_met(one, pins)),
        *(f"{name} is not declared any more" for name in stale),
    ]


def _is_met(wanted: Requirement, pins: Sequence[Pin]) -> bool:
    versions = [pin.version for pin in pins if pin.name == canonicalize_name(wanted.name) and pin.is_declared]
    return bool(versions) and all(version in wanted.specifier for version in versions)


def _of_extras(extras: Sequence[str], project: Mapping[str, Any]) -> Iterator[Requirement]:
    for extra in extras:
        for one in map(Requirement, project["project"]["optional-dependencies"][extra]):
            if one.name == "vimesh":
                yield from _of_extras(sorted(one.extras), project)
            else:
                yield one


def _of_groups(groups: Sequence[str], project: Mapping[str, Any]) -> Iterator[Requirement]:
    for group in groups:
        for one in project["dependency-groups"][group]:
            if isinstance(one, str):
                yield Requirement(one)
            else:
                yield from _of_groups([one["include-group"]], project)
