"""What must hold of the code as a whole."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vimesh.domain.errors import VimeshError
from vimesh.wire.error_statuses import STATUS

ROOT = Path(__file__).parents[1]


def kinds(of: type[VimeshError]) -> Iterator[type[VimeshError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_every_domain_error_has_a_status() -> None:
    assert set(kinds(VimeshError)) == set(STATUS)


def test_generated_code_is_what_the_protos_say(tmp_path: Path) -> None:
    # In a process of its own: protoc and the pools of this process do not mix.
    subprocess.run([sys.executable, ROOT / "protos/generate.py", tmp_path], check=True, timeout=60)

    def content(folder: Path) -> dict[Path, bytes]:
        return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc"}

    assert content(tmp_path) == content(ROOT / "gen"), "run `make gen`"


@pytest.mark.parametrize("page", ["guarantees.md", "museum.md"])
def test_the_tests_that_a_page_names_exist(page: str) -> None:
    named = set(re.findall(r"`(?:pytest -k )?(test_\w+)`", (ROOT / "docs" / "evidence" / page).read_text()))
    there = {
        name for path in ROOT.glob("tests/**/test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }

    assert named
    assert named <= there


def test_importing_any_part_does_nothing() -> None:
    modules = sorted(
        ".".join(path.relative_to(ROOT / "services").with_suffix("").parts)
        for path in (ROOT / "services").rglob("*.py")
        if path.name != "__init__.py" and "migrations" not in path.parts
    )
    check = "import sys, threading\nfor name in sys.argv[1:]: __import__(name)\nassert threading.active_count() == 1"

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", check, *modules], capture_output=True, text=True, check=False, timeout=60
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
