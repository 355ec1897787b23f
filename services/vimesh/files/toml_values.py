"""Parses TOML within limits."""

from __future__ import annotations

from typing import Any

from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_LINE


def read_toml(text: str) -> dict[str, Any]:
    """Parse a TOML text. Raises BadFile."""
    import tomllib  # noqa: PLC0415 - most commands have no such file, and it takes a tenth of those that are short

    for number, line in enumerate(text.split("\n"), 1):
        # The time that tomllib takes for a key grows with the square of the number of its dots.
        if len(line) > MAX_SETTINGS_LINE:
            raise BadFile(f"is longer than {MAX_SETTINGS_LINE} characters", number)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise BadFile("is not TOML: it is nested too deeply") from None
    except ValueError as error:
        # A syntax error, or a number or a date that does not exist.
        raise BadFile(f"is not TOML: {error}") from None
