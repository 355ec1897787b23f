"""The image of vimesh: what builds it stays behind, and nothing in it runs as root."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

from tests.docs.shell_blocks import ROOT

CONTAINERFILE = ROOT / "deploy/Containerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")
_CONTINUED = re.compile(r"\\\n\s*")
_INSTRUCTION = re.compile(r"^([A-Z]+)\s+(.*)$", re.MULTILINE)


def _stages() -> list[list[tuple[str, str]]]:
    """Return the instructions after each FROM, with it."""
    stages = list[list[tuple[str, str]]]()
    for name, rest in _INSTRUCTION.findall(_CONTINUED.sub("", CONTAINERFILE.read_text())):
        if name == "FROM":
            stages.append([])
        if stages:
            stages[-1].append((name, rest))
    return stages


def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run([HADOLINT, CONTAINERFILE], capture_output=True, text=True, check=False, timeout=60)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_everything_from_an_index_has_hashes() -> None:
    build, _ = _stages()
    commands = [rest for name, rest in build if name == "RUN"]
    installs = [part for rest in commands for part in rest.split("&&") if " install " in part and "pip" in part]

    assert len(installs) == 3
    assert all("--require-hashes" in part or "--no-index" in part for part in installs)


def test_what_builds_stays_behind() -> None:
    build, last = _stages()
    assert any("--without-pip /opt/vimesh" in rest for _, rest in build)

    copies = [rest for name, rest in last if name in {"COPY", "ADD"}]
    installed = " ".join(rest for name, rest in last if name == "RUN").split("apt-get install", 1)[1].split("&&")[0]
    assert copies == ["--from=build /opt/vimesh /opt/vimesh"]
    assert not re.search(r"pip|venv|dev|gcc|build", installed)


def test_nothing_runs_as_root() -> None:
    _, last = _stages()
    names = [name for name, _ in last]

    assert dict(last)["USER"] == "10001:10001"
    assert dict(last)["ENTRYPOINT"] == '["vimesh"]'
    assert names.index("USER") > max(place for place, name in enumerate(names) if name == "RUN")


def test_what_is_copied_is_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().split()
    build, _ = _stages()
    sources = [source for name, rest in build if name == "COPY" for source in rest.split()[:-1]]

    assert lines[0] == "*"
    assert all(any(fnmatch(source, line.removeprefix("!")) for line in lines[1:]) for source in sources)
