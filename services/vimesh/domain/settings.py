"""Reads settings from flags, then from the environment, then from a TOML file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Generic, TypeVar

from vimesh.domain.errors import BadSetting
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_BYTES
from vimesh.files.read_files import read_text
from vimesh.files.toml_values import read_toml

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)

CONFIG_VARIABLE = "VIMESH_CONFIG"
_PORT_DIGITS = 5


_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def truth(text: str) -> bool:
    """Parse a word for true or false, as libpq and oslo.config do. Raises ValueError."""
    if (word := text.lower()) in _TRUE | _FALSE:
        return word in _TRUE
    raise ValueError("must be true or false")


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    key: str
    """Its name in the file, such as `up.port`."""
    parse: Callable[[str], T]
    """Raises ValueError, whose message states what the value must be."""
    default: T
    secret: bool = False
    """Whether only the processes that need it may get it: it may contain a password."""
    own_flag: str = ""
    """Its flag, if that is not called after the last word of the key."""

    @property
    def variable(self) -> str:
        """Its name in the environment, such as VIMESH_UP_PORT."""
        return f"VIMESH_{self.key.upper().replace('.', '_')}"

    @property
    def flag(self) -> str:
        return self.own_flag or f"--{self.key.rpartition('.')[2].replace('_', '-')}"


class BadFlag(Exception):
    """A flag has an invalid value: wrong usage."""

    def __init__(self, flag: str, description: str) -> None:
        super().__init__(f"{flag}: {description}")
        self.flag = flag
        self.description = description


@dataclass(frozen=True, slots=True)
class Sources:
    environment: Mapping[str, str]
    file: Mapping[str, str]
    """The values in the TOML file, by key."""
    file_name: str = ""
    flags: Mapping[str, str] = field(default_factory=dict)
    """The values of flags that count for every command, by key."""

    def read(self, setting: Setting[T], flag: object = None) -> T:
        """Return the value of the first source that has one. Raises BadFlag, or BadSetting that names the source."""
        flag = self.flags.get(setting.key) if flag is None else flag
        if flag is not None:
            try:
                return setting.parse(str(flag))
            except ValueError as error:
                raise BadFlag(setting.flag, str(error)) from error
        # Shells and compose files use an empty variable for "not set".
        if text := self.environment.get(setting.variable):
            return _parsed(setting, text, setting.variable)
        if setting.key in self.file:
            return _parsed(setting, self.file[setting.key], f"{setting.key} in {self.file_name}")
        return setting.default


def _parsed(setting: Setting[T], text: str, source: str) -> T:
    try:
        return setting.parse(text)
    except ValueError as error:
        raise BadSetting(source, str(error)) from error


def sources(environment: Mapping[str, str], file: Path | None, known_keys: Iterable[str] | None = None) -> Sources:
    """Read the TOML file, if there is one. Raises BadSetting, also for a key that is not in `known_keys`."""
    if file is None:
        return Sources(environment, {})
    values = _read(file)
    for key in values:
        if known_keys is not None and key not in known_keys:
            raise BadSetting(f"{key} in {file}", f"is unknown; known settings: {', '.join(sorted(known_keys))}")
    return Sources(environment, values, str(file))


def config_file(environment: Mapping[str, str]) -> Path | None:
    """Return the file that VIMESH_CONFIG names."""
    return Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None


def host_and_port(text: str) -> str:
    """Check an address to connect to, `host:port`. Raises ValueError."""
    if "://" in text:
        scheme, _, rest = text.partition("://")
        raise ValueError(f"must be host:port, not a URL: write {rest.partition('/')[0][:50]} without {scheme[:20]}://")
    host, _, port = text.rpartition(":")
    if host and port.isascii() and port.isdigit() and len(port) <= _PORT_DIGITS and 0 < int(port) <= 65535:
        return text
    raise ValueError(f"must be host:port, not {text[:50]!r}")


def one_of(words: Iterable[Word]) -> Callable[[str], Word]:
    """Return a parser that accepts one of the words, case-insensitive."""
    words = tuple(words)

    def parse(text: str) -> Word:
        for word in words:
            if text.lower() == word.lower():
                return word
        raise ValueError(f"must be one of {', '.join(words).lower()}, not {text[:50]!r}")

    return parse


def address_of_front(text: str) -> str:
    """Check `host:port`, or `unix:` and the path of a socket. Raises ValueError."""
    return text if text.startswith("unix:/") else host_and_port(text)


ADDRESS = Setting("address", address_of_front, "127.0.0.1:7600")
"""Where all clients reach the front of the mesh."""
CREDENTIALS: Setting[Path | None] = Setting("credentials", Path, None)
"""Folder with what all clients show to the front; None: the front asks for nothing, and is spoken to without TLS."""


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(_flat(read_toml(read_text(path, MAX_SETTINGS_BYTES)), ""))
    except OSError as error:
        raise BadSetting(str(path), f"cannot be read: {error.strerror}") from error
    except BadFile as error:
        raise BadSetting(str(path), str(error)) from error
    except (ValueError, RecursionError):
        raise BadSetting(
            str(path), "is not TOML for settings: a number has too many digits, or a key too many dots"
        ) from None


def _flat(table: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", str(value)
