"""The settings that every client reads, and where all settings come from.

Those of processes are in `command_settings.py`, whose import takes longer than a short command: it is left to
those who need it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from vimesh.cli.base.durations import seconds
from vimesh.cli.command_line import typed
from vimesh.cli.formats.output_formats import Output, output_format
from vimesh.client.credentials.profiles import PROFILE
from vimesh.domain.settings import ADDRESS, CONFIG_VARIABLE, CREDENTIALS, Setting, Sources, config_file, sources

DEFAULT_FILE = Path("vimesh.toml")
STATE_FILE = "fleet.json"
"""File in the data directory of a fleet on this machine: lists its processes with pids and addresses."""
_EVERY_SETTING: Final = "vimesh.cli.base.command_settings"


def positive_s(text: str) -> float:
    """Read a duration above zero. Raises ValueError."""
    if (duration_s := seconds(text)) > 0:
        return duration_s
    raise ValueError("must be above 0")


CALL_TIMEOUT = Setting("call_timeout", positive_s, 10.0)
OUTPUT = Setting("output", output_format, Output.TABLE)
UP_DATA_DIR = Setting("up.data_dir", Path, Path(".vimesh"))
CLIENT_SETTINGS: tuple[Setting[Any], ...] = (ADDRESS, CREDENTIALS, PROFILE, CALL_TIMEOUT, OUTPUT, UP_DATA_DIR)
CLIENT_VARIABLES: Final = (CONFIG_VARIABLE, *(setting.variable for setting in CLIENT_SETTINGS))


def given(config: Path | None) -> Sources:
    """Return the settings in the environment and in the TOML file. Raises BadSetting."""
    before = typed().flags_before
    file = config or (Path(before["config"]) if "config" in before else config_file(os.environ))
    if file is None and DEFAULT_FILE.is_file():
        file = DEFAULT_FILE
    known_keys: Sequence[str] = () if file is None else import_module(_EVERY_SETTING).KNOWN
    return replace(sources(os.environ, file, known_keys), flags=before)


def every_variable() -> Sequence[str]:
    """Return the names of all variables that have a meaning."""
    variables: Sequence[str] = import_module(_EVERY_SETTING).VARIABLES
    return variables
