"""A TOML text, within limits."""

from __future__ import annotations

import tomllib
from typing import Any

from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_LINE


def read_toml(text: str) -> dict[str, Any]:
    """Raises BadFile."""
    for number, line in enumerate(text.split("\n"), 1):
        # The time that tomllib takes for a key grows with the square of its dots.
        if len(line) > MAX_SETTINGS_LINE:
            raise BadFile(f"is longer than {MAX_SETTINGS_LINE} characters", number)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise BadFile("is not TOML: it is nested too deep") from None
    except ValueError as error:
        # Of syntax, or of a number or a date that there is none.
        raise BadFile(f"is not TOML: {error}") from None
