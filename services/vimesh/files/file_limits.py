"""Limits on what a file may contain. Anything above a limit is refused before it costs much memory or time."""

from __future__ import annotations

from typing import Final

MAX_FILE_BYTES: Final = 512 * 1024 * 1024
"""For a file of VIMs, which is read entry by entry."""
MAX_SETTINGS_BYTES: Final = 64 * 1024
"""For a settings file, which is read as a whole."""
MAX_SETTINGS_LINE: Final = 2048
"""Characters per line of a settings file."""
MAX_DOCUMENT_BYTES: Final = 1024 * 1024
"""For any other file that is read as a whole, such as that of one VIM."""
MAX_KEY_BYTES: Final = 64 * 1024
MAX_ENTRIES: Final = 1_000_000
MAX_LINES: Final = 10_000_000
"""Ten per entry: even empty lines take time."""
MAX_ENTRY_BYTES: Final = 1024 * 1024
"""For one VIM as written in a file: several times what the fleet accepts."""
MAX_CLOUDS: Final = 1000
"""For one clouds.yaml or kubeconfig, whose entries may all name the same large certificate."""
MAX_COLUMNS: Final = 1000
MAX_DEPTH: Final = 32
"""Levels of lists and mappings: twice what the fleet accepts in a field."""
MAX_VALUES: Final = 20_000
"""Per entry, including what aliases stand for."""
MAX_ANCHORED_VALUES: Final = 500_000
"""Per YAML document, in nodes with anchors: they stay in memory, because aliases may refer to them."""
MAX_DIGITS: Final = 400
"""Per number: somewhat more than the largest float has."""
