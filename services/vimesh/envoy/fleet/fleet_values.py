"""Reads values of a fleet file. Each function raises BadSetting with the key if the value is of another kind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from vimesh.domain.errors import BadSetting


def mapping_of(setting: str, value: object, known: Collection[str]) -> Mapping[str, object]:
    """Read a mapping that has only these keys. `fleet` is the name of the whole file."""
    if not isinstance(value, dict):
        raise BadSetting(setting, "must be a mapping")
    prefix = "" if setting == "fleet" else f"{setting}."
    for key in value:
        if key not in known:
            raise BadSetting(f"{prefix}{key}", f"is unknown here; known keys: {', '.join(sorted(known))}")
    return value


def list_of(setting: str, value: object) -> list[object]:
    if not isinstance(value, list):
        raise BadSetting(setting, "must be a list")
    return value


def texts_of(setting: str, value: object) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadSetting(setting, "must be a list of strings")
    return value


def text_of(setting: str, value: object) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise BadSetting(setting, "must be a string")
    return value


def required_text(setting: str, value: object) -> str:
    text = text_of(setting, value)
    if text is None:
        raise BadSetting(setting, "is required")
    return text


def absolute_path(setting: str, value: object) -> Path:
    """Read a path, which has to be absolute: Envoy may be started in another folder."""
    path = Path(required_text(setting, value))
    if not path.is_absolute():
        raise BadSetting(setting, f"must be an absolute path, not {path}")
    return path


def flag_of(setting: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadSetting(setting, f"must be true or false, not {value!r}")
    return value


def percent_of(setting: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise BadSetting(setting, f"must be a number from 0 to 100, not {str(value)[:100]!r}")
    return float(value)
