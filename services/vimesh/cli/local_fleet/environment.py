"""Builds the environment of the fleet's processes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from vimesh.cli.base.command_settings import LOG_FORMAT, LOG_LEVEL, LogFormat, LogSettings
from vimesh.domain.settings import CONFIG_VARIABLE
from vimesh.watchdog.supervisor_link import VARIABLES


def environment_of_parts(
    present: Mapping[str, str], logs: LogSettings, config: Path | None, *, for_eyes: bool, coloured: bool
) -> dict[str, str]:
    """Return the environment of the processes. It sets their log format, because their own output is always a pipe."""
    format_ = logs.format
    if format_ is LogFormat.AUTO:
        format_ = LogFormat.CONSOLE if for_eyes else LogFormat.LOGFMT
    # The variables with which a supervisor watches this process are not meant for its children.
    inherited = {key: value for key, value in present.items() if key not in VARIABLES}
    environment = {**inherited, LOG_LEVEL.variable: logs.level.value, LOG_FORMAT.variable: format_.value}
    if coloured:
        environment["FORCE_COLOR"] = "1"
    if config is not None:
        environment[CONFIG_VARIABLE] = str(config.resolve())
    return environment
