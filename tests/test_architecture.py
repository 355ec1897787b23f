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


@pytest.mark.parametrize("page", ["evidence/guarantees.md", "evidence/museum.md", "operating/compatibility.md"])
def test_the_tests_that_a_page_names_exist(page: str) -> None:
    named = set(re.findall(r"`(?:pytest -k )?(test_\w+)`", (ROOT / "docs" / page).read_text()))
    there = {
        name for path in ROOT.glob("tests/**/test_*.py") for name in re.findall(r"def (test_\w+)", path.read_text())
    }

    assert named
    assert named <= there


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_the_code_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    sources = {
        str(path.relative_to(ROOT)): path.read_text()
        for top in ("services", "gen", "tests", "protos", "benchmarks")
        for path in (ROOT / top).rglob("*.py*")
        if path.suffix in {".py", ".pyi"}
    }
    named = re.findall(r"`([\w./]+\.py)(?::([\w.]+))?`", text)

    def defines(path: str, name: str) -> bool:
        # A module may be named without its folders where it was named with them before.
        return any(
            all(re.search(rf"\b(?:class|def) {part}\b", source) for part in name.split(".") if part)
            for where, source in sources.items()
            if f"/{where}".endswith(f"/{path}")
        )

    assert named
    assert [f"{path}:{name}" for path, name in named if not defines(path, name)] == []
    members = re.findall(r"`([A-Z][A-Za-z]+)\.(\w+)`", text)
    assert [
        f"{owner}.{member}"
        for owner, member in members
        if not any(
            f"class {owner}" in source and re.search(rf"\b(?:class |def |self\.){member}\b", source)
            for source in sources.values()
        )
    ] == []


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
