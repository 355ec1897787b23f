"""The documents make a site: each link leads somewhere, and nothing comes from another server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docs.shell_blocks import ROOT

pytestmark = pytest.mark.timeout(240)
PYTHON = ROOT / ".cache/site/bin/python"
_LIMIT_S = 200
_FETCHED = re.compile(r'<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)="?((?:https?:)?//[^"\s>]+)')
_FETCHED_BY_STYLE = re.compile(r"url\([\"']?((?:https?:)?//[^)]+)")


def _build(checkout: Path, into: Path) -> subprocess.CompletedProcess[str]:
    command = [str(PYTHON), "-m", "mkdocs", "build", "--strict", "--site-dir", str(into)]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=_LIMIT_S)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = _build(ROOT, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_each_document_has_a_page(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    top = {Path("project", path.name).with_suffix(".html") for path in ROOT.glob("*.md")}
    wanted = {path.with_name("index.html") if path.stem == "README" else path for path in pages | top}

    assert {path for path in wanted if not (site / path).is_file()} == set()


def test_nothing_comes_from_elsewhere(site: Path) -> None:
    pages = {path: _FETCHED.findall(path.read_text()) for path in site.rglob("*.html")}
    styles = {path: _FETCHED_BY_STYLE.findall(path.read_text()) for path in site.rglob("*.css")}

    assert len(pages) > 100
    assert styles
    assert not {path: found for path, found in (pages | styles).items() if found}


def test_the_search_knows_all_pages(site: Path) -> None:
    entries = json.loads((site / "search/search_index.json").read_text())["docs"]
    titles = {(entry["location"], entry["title"]) for entry in entries}

    assert ("reference/commands.html#vimesh-vim-register", "vimesh vim register") in titles
    assert ("reference/errors.html", "Errors") in titles


def test_what_a_checkout_shows_otherwise_is_as_there(site: Path) -> None:
    architecture = (site / "project/ARCHITECTURE.html").read_text()
    commands = (site / "reference/commands.html").read_text()
    databases = (site / "operating/databases.html").read_text()

    assert re.search(r"<li>\s*<em>Invariant:</em>", architecture)
    assert "<code>-o, --output table|json|yaml|jsonpath=EXPR</code>" in commands
    assert "](../../tests/contracts)" not in databases
    assert (site / "project/deploy/envoy/fleet.yaml").read_bytes() == (ROOT / "deploy/envoy/fleet.yaml").read_bytes()
    assert (site / "runbooks/index.html").is_file()


@pytest.mark.parametrize("wrong", ["[there](nowhere.md)", "[there](#nowhere)", "[there](../nowhere.yaml)"])
def test_a_link_that_leads_nowhere_is_an_error(wrong: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    (tmp_path / "docs/generator").mkdir(parents=True)
    shutil.copy(ROOT / "docs/generator/site_hooks.py", tmp_path / "docs/generator")
    for folder in ("decisions", "runbooks"):
        (tmp_path / "docs" / folder).mkdir()
    page = tmp_path / "docs/README.md"
    page.write_text("# Documents\n\n## Lists\n\n- [Decisions](decisions)\n- [Runbooks](runbooks)\n")
    assert _build(tmp_path, tmp_path / "good").returncode == 0

    page.write_text(f"{page.read_text()}\nSee {wrong}.\n")

    done = _build(tmp_path, tmp_path / "bad")
    assert done.returncode != 0
    assert "nowhere" in done.stderr
