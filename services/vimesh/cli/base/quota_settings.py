"""Defines the settings of quotas: limits for every project, and a YAML file with those of some projects.

projects:
  lab: {vims: 100, event_bytes: 64MiB, changes_per_s: 5}
  core: {vims: unlimited}
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from vimesh.cli.base.sizes import bytes_of
from vimesh.domain.access.quotas import ProjectLimits, Quotas
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import Setting, Sources
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_DOCUMENT_BYTES
from vimesh.files.read_files import read_text

UNLIMITED: Final = "unlimited"
_MAX_PROJECT: Final = 255
_MAX_DIGITS: Final = 10
_MOST_VIMS: Final = 10_000_000
_MOST_BYTES: Final = 1 << 62
_MOST_CHANGES_PER_S: Final = 10_000
"""A change reads the times of as many before it."""


def _limit(parse: Callable[[str], int], lowest: int, highest: int) -> Callable[[str], int | None]:
    def limit(text: str) -> int | None:
        if text.strip().lower() == UNLIMITED:
            return None
        if lowest <= (value := parse(text)) <= highest:
            return value
        raise ValueError(f"must be from {lowest} to {highest}, or {UNLIMITED}")

    return limit


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return int(text)
    raise ValueError(f"must be a number or {UNLIMITED}, not {text[:50]!r}")


QUOTA_VIMS: Setting[int | None] = Setting("conductor.quota_vims", _limit(_count, 0, _MOST_VIMS), None)
QUOTA_EVENT_BYTES: Setting[int | None] = Setting("conductor.quota_event_bytes", _limit(bytes_of, 0, _MOST_BYTES), None)
QUOTA_CHANGES_PER_S: Setting[int | None] = Setting(
    "conductor.quota_changes_per_s", _limit(_count, 1, _MOST_CHANGES_PER_S), None
)
QUOTA_FILE: Setting[Path | None] = Setting("conductor.quota_file", Path, None)
QUOTA_SETTINGS: Final[tuple[Setting[Any], ...]] = (QUOTA_VIMS, QUOTA_EVENT_BYTES, QUOTA_CHANGES_PER_S, QUOTA_FILE)

_LIMITS: Final = {"vims": QUOTA_VIMS, "event_bytes": QUOTA_EVENT_BYTES, "changes_per_s": QUOTA_CHANGES_PER_S}


class QuotaFlags(TypedDict):
    """The flags of a command; None: not given."""

    vims: str | None
    event_bytes: str | None
    changes_per_s: str | None
    file: Path | None


def quotas(found: Sources, **flags: Unpack[QuotaFlags]) -> Quotas:
    """Return the quotas of all projects. Raises BadSetting, BadFlag."""
    default = ProjectLimits(
        found.read(QUOTA_VIMS, flags["vims"]),
        found.read(QUOTA_EVENT_BYTES, flags["event_bytes"]),
        found.read(QUOTA_CHANGES_PER_S, flags["changes_per_s"]),
    )
    path = found.read(QUOTA_FILE, flags["file"])
    return Quotas(default) if path is None else Quotas(default, _exceptions(path, default))


def quota_arguments(**flags: Unpack[QuotaFlags]) -> list[str]:
    """Return these flags as a conductor takes them, whatever folder it is started in."""
    values = (flags["vims"], flags["event_bytes"], flags["changes_per_s"], flags["file"] and flags["file"].absolute())
    given = zip(QUOTA_SETTINGS, values, strict=True)
    return [word for setting, value in given if value is not None for word in (setting.flag, str(value))]


def _exceptions(path: Path, default: ProjectLimits) -> dict[str, ProjectLimits]:
    """Read the projects with limits of their own; what they do not name is as for the others. Raises BadSetting."""
    from vimesh.files.yaml_values import read_yaml  # noqa: PLC0415 - slow to import, and every command reads settings

    try:
        document = read_yaml(read_text(path, MAX_DOCUMENT_BYTES))
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from error
    if not isinstance(document, dict) or set(document) != {"projects"} or not isinstance(document["projects"], dict):
        raise BadSetting(str(path), "must hold a mapping named projects, and nothing else")
    return {
        _project(path, project): _limits(f"projects.{project} in {path}", limits, default)
        for project, limits in document["projects"].items()
    }


def _project(path: Path, value: object) -> str:
    if isinstance(value, str) and 0 < len(value) <= _MAX_PROJECT and value.isprintable():
        return value
    raise BadSetting(str(path), f"{str(value)[:50]!r} is not a project id; write it in quotes")


def _limits(place: str, value: object, default: ProjectLimits) -> ProjectLimits:
    if not isinstance(value, dict) or not set(value) <= set(_LIMITS):
        raise BadSetting(place, f"must be a mapping of {', '.join(_LIMITS)}")
    limits = {name: getattr(default, name) for name in _LIMITS}
    for name, limit in value.items():
        try:
            limits[name] = _LIMITS[name].parse(str(limit))
        except ValueError as error:
            raise BadSetting(f"{name} of {place}", str(error)) from error
    return ProjectLimits(**limits)
