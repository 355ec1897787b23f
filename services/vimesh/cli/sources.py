"""Where settings come from: flags, then the environment, then a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from vimesh.domain.errors import BadSetting

T = TypeVar("T")

CONFIG_VARIABLE = "VIMESH_CONFIG"
DEFAULT_FILE = Path("vimesh.toml")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    key: str
    """Its name in the file, such as `up.port`."""
    parse: Callable[[str], T]
    """Raises ValueError that says what the value must be."""
    default: T

    @property
    def variable(self) -> str:
        """Its name in the environment, such as VIMESH_UP_PORT."""
        return f"VIMESH_{self.key.upper().replace('.', '_')}"

    @property
    def flag(self) -> str:
        return f"--{self.key.rpartition('.')[2].replace('_', '-')}"


class BadFlag(Exception):
    """A flag whose value cannot be read: wrong usage."""

    def __init__(self, flag: str, description: str) -> None:
        super().__init__(f"{flag}: {description}")


@dataclass(frozen=True, slots=True)
class Sources:
    environment: Mapping[str, str]
    file: Mapping[str, str]
    """What the TOML file says, by key."""
    file_name: str = ""

    def read(self, setting: Setting[T], flag: object = None) -> T:
        """Return the first value that is given. Raises BadFlag, or BadSetting that names where the value stands."""
        if flag is not None:
            try:
                return setting.parse(str(flag))
            except ValueError as error:
                raise BadFlag(setting.flag, str(error)) from error
        # An empty variable is how shells and compose files say "not set".
        if text := self.environment.get(setting.variable):
            return _parsed(setting, text, setting.variable)
        if setting.key in self.file:
            return _parsed(setting, self.file[setting.key], f"{setting.key} in {self.file_name}")
        return setting.default


def _parsed(setting: Setting[T], text: str, where: str) -> T:
    try:
        return setting.parse(text)
    except ValueError as error:
        raise BadSetting(where, str(error)) from error


def sources(flag: Path | None, environment: Mapping[str, str], known: Iterable[str]) -> Sources:
    """Read the file that --config or VIMESH_CONFIG names, if any. Raises BadSetting, also for a key not in `known`."""
    named = flag or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if named is None and not DEFAULT_FILE.is_file():
        return Sources(environment, {})
    path = named or DEFAULT_FILE
    try:
        with path.open("rb") as file:
            document = tomllib.load(file)
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSetting(str(path), f"is not TOML: {error}") from error
    values = dict(_flat(document, ""))
    allowed = sorted(known)
    for key in values:
        if key not in allowed:
            raise BadSetting(f"{key} in {path}", f"is not known; known are {', '.join(allowed)}")
    return Sources(environment, values, str(path))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
