"""The formats that `--output` can ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

_JSONPATH: Final = "jsonpath"
_MAX_EXPRESSION: Final = 4096


@dataclass(frozen=True, slots=True)
class Output:
    """A format of output. The constants are the only ones of their names, so they may be compared by identity."""

    name: str
    expression: str = ""
    """What to print of each answer, if `name` is jsonpath."""

    TABLE: ClassVar[Output]
    WIDE: ClassVar[Output]
    NAME: ClassVar[Output]
    CSV: ClassVar[Output]
    JSON: ClassVar[Output]
    YAML: ClassVar[Output]


Output.TABLE = Output("table")
Output.WIDE = Output("wide")
"""A table with more columns."""
Output.NAME = Output("name")
"""Only the names, one on each line."""
Output.CSV = Output("csv")
Output.JSON = Output("json")
Output.YAML = Output("yaml")

_WORDS: Final = {
    each.name: each for each in (Output.TABLE, Output.WIDE, Output.NAME, Output.CSV, Output.JSON, Output.YAML)
}
FEED: Final = ("table", "json")
"""What a command prints that never ends: lines."""
DOCUMENTS: Final = ("table", "json", "yaml", _JSONPATH)
"""What a command prints that shows one thing as a whole."""
ROWS: Final = ("table", "wide", "name", "csv", "json", "yaml", _JSONPATH)
"""What a command prints that lists things, or shows one of a kind that has a list."""


def output_format(text: str) -> Output:
    """Read a format, such as `json` or `jsonpath={.items[*].id}`. Raises ValueError."""
    word, equals, expression = text.partition("=")
    if word.lower() == _JSONPATH and equals and 0 < len(expression) <= _MAX_EXPRESSION:
        return Output(_JSONPATH, expression)
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    raise ValueError(one_of_formats(ROWS, text))


def one_of_formats(formats: Sequence[str], text: str) -> str:
    """Return what is wrong with a format that a command does not have."""
    words = [f"{_JSONPATH}=EXPR" if each == _JSONPATH else each for each in formats]
    return f"must be one of {', '.join(words)}, not {text[:50]!r}"
