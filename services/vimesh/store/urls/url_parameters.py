"""Reads the parameters of a database URL by type, and rejects unknown ones by name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import truth
from vimesh.store.transactions.database import SETTING
from vimesh.store.urls.database_url import DatabaseUrl

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")


class UrlParameters:
    """Reads parameters. Raises BadSetting, which names the parameter but repeats no value that may be secret."""

    def __init__(self, url: DatabaseUrl, kind: str, supported: Mapping[str, str], repeated: Sequence[str] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for spelling, value in url.query:
            name = spelling if spelling in supported else spelling.replace("-", "_")
            if name not in supported:
                raise BadSetting(
                    SETTING, f"{_printable(spelling)} is not taken in a URL of {kind}; taken are {_list(supported)}"
                )
            self._values.setdefault(name, []).append(value)
        for name, values in self._values.items():
            if len(values) > 1 and name not in repeated:
                raise BadSetting(SETTING, f"{name} is given twice")

    def all(self, name: str) -> Sequence[str]:
        return self._values.get(name, ())

    def text(self, name: str) -> str:
        """Return the value of a parameter, empty if it is missing."""
        return self._values.get(name, [""])[0]

    def number(self, name: str, lowest: int, highest: int) -> int | None:
        if not (text := self.text(name)):
            return None
        if text.isascii() and text.isdigit() and len(text) <= 10 and lowest <= int(text) <= highest:
            return int(text)
        raise BadSetting(SETTING, f"{name} must be a whole number from {lowest} to {highest}")

    def flag(self, name: str) -> bool | None:
        if not (text := self.text(name)):
            return None
        try:
            return truth(text)
        except ValueError as error:
            raise BadSetting(SETTING, f"{name} {error}") from None

    def word(self, name: str, words: Sequence[str], instead: Mapping[str, str] | None = None) -> str:
        """Return one of the words. `instead` has the reasons why other words that operators may know are rejected."""
        text = self.text(name)
        if not text or text in words:
            return text
        why = (instead or {}).get(text)
        raise BadSetting(SETTING, f"{name}={text}: {why}" if why else f"{name} must be one of {', '.join(words)}")

    def file(self, name: str) -> str:
        """Return the path of a readable file, empty if the parameter is missing."""
        if not (text := self.text(name)):
            return ""
        path = str(Path(text).expanduser())
        require_readable(name, path)
        return path


def require_readable(name: str, path: str) -> None:
    """Raise BadSetting, which names the parameter and the file, if the file cannot be read."""
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise BadSetting(SETTING, f"{name}: {path} cannot be read: {error.strerror}") from error


def _printable(name: str) -> str:
    # The text after a ? in a password that is not percent-encoded is parsed as a parameter name.
    return name if _NAME.fullmatch(name) else "a parameter whose name cannot be shown"


def _list(supported: Mapping[str, str]) -> str:
    return ", ".join(sorted(supported))
