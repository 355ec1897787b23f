"""How much a file may ask for. What is above a limit is refused by name, before memory or time is spent on it."""

from __future__ import annotations

from typing import Final

MAX_FILE_BYTES: Final = 512 * 1024 * 1024
"""Of a file of VIMs, which is read one entry after the other."""
MAX_SETTINGS_BYTES: Final = 64 * 1024
"""Of a file of settings, which is read whole."""
MAX_SETTINGS_LINE: Final = 2048
"""Characters of a line in it."""
MAX_DOCUMENT_BYTES: Final = 1024 * 1024
"""Of any other file that is read whole, such as that of one VIM."""
MAX_KEY_BYTES: Final = 64 * 1024
MAX_ENTRIES: Final = 1_000_000
MAX_LINES: Final = 10_000_000
"""Ten for each entry: also what is empty takes time."""
MAX_ENTRY_BYTES: Final = 1024 * 1024
"""Of one VIM as a file writes it: several times what the fleet takes."""
MAX_COLUMNS: Final = 1000
MAX_DEPTH: Final = 32
"""Levels of lists and mappings: twice what the fleet takes in a field."""
MAX_VALUES: Final = 20_000
"""In one entry, with what aliases stand for."""
MAX_ANCHORED_VALUES: Final = 500_000
"""In one YAML document, of what aliases can stand for: it stays in memory."""
MAX_DIGITS: Final = 400
"""Of a number: as many as the largest float has, and some."""
