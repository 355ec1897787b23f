"""Reads units of systemd, and has systemd itself judge them."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from pathlib import Path

from tests.docs.shell_blocks import ROOT

FOLDER = ROOT / "deploy/systemd"
SERVICES = sorted(FOLDER.glob("*.service"))
_PROGRAM = re.compile(r"^(Exec\w+=)\S+", re.MULTILINE)
_LIMIT_S = 60


def settings_of(unit: Path) -> dict[str, list[str]]:
    """Return the values of each key; no key of ours is in two sections with different meanings."""
    values = defaultdict[str, list[str]](list)
    for line in unit.read_text().splitlines():
        if line and line[0] not in "#[":
            key, _, value = line.partition("=")
            values[key].append(value)
    return dict(values)


def environment_of(unit: Path) -> dict[str, str]:
    """Return the variables that it sets, with folders for systemd's specifiers."""
    pairs = (value.partition("=") for value in settings_of(unit).get("Environment", []))
    return {name: value.replace("%d", "/run/credentials").replace("%S", "/var/lib") for name, _, value in pairs}


def analyze(*arguments: str | Path, units: Path) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze, for which `units` is the only folder with units of vimesh."""
    environment = {"SYSTEMD_UNIT_PATH": f"{units}:", "PATH": "/usr/bin:/bin", "LC_ALL": "C"}
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_S,
    )


def installed(folder: Path) -> Path:
    """Copy all units. Where vimesh is installed is the administrator's choice; here it need only be a program."""
    for unit in (*SERVICES, FOLDER / "vimesh.target"):
        (folder / unit.name).write_text(_PROGRAM.sub(r"\1/bin/true", unit.read_text()))
    return folder
