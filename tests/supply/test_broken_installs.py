"""An installation by make that is broken off at any step is mended by the next one, and says so."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.supply.locks import ROOT
from tests.supply.package_index import Index, package_index, wheel

pytestmark = [pytest.mark.whole, pytest.mark.timeout(900)]

_FILES = {f"parcel/{number}.txt": "x" * 99 for number in range(300)} | {"parcel/__init__.py": ""}
_BACKEND = """
import os, urllib.request, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    urllib.request.urlopen(os.environ["PIP_INDEX_URL"] + "/building/", timeout=60).read()
    name = "ours-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as made:
        made.writestr("ours.pth", "")
        made.writestr("ours-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: ours\\nVersion: 1\\n")
        made.writestr("ours-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        made.writestr("ours-1.dist-info/RECORD", "ours.pth,,\\nours-1.dist-info/RECORD,,\\n")
    return name
"""
_DIES = f"""#!/bin/sh
case "$*" in
  "-m venv "*) {sys.executable} -m venv --without-pip "$3"; kill -9 0;;
  *) exec {sys.executable} "$@";;
esac
"""


@dataclass
class Checkout:
    """A folder with our Makefile, and with small packages in its locks."""

    folder: Path
    index: Index
    group: int = 0
    """The processes of the make that runs."""

    @property
    def environment(self) -> Path:
        return self.folder / ".venv"

    @property
    def site(self) -> Path:
        (found,) = self.environment.glob("lib/python*/site-packages")
        return found

    def make(self, python: str | Path = sys.executable) -> tuple[int, str]:
        """Return the exit status of make, and what it said."""
        process = subprocess.Popen(
            ["make", ".venv/.fleet", f"PYTHON={python}"],
            cwd=self.folder,
            env={key: value for key, value in self.index.environment.items() if not key.startswith("MAKE")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.group = process.pid
        said, _ = process.communicate(timeout=400)
        return process.returncode, said

    def kill_at(self, path: str) -> Callable[[str], None]:
        """Return what kills make, and all that it started, when the index is asked for a path."""

        def kill(asked: str) -> None:
            if path in asked:
                os.killpg(self.group, signal.SIGKILL)

        return kill

    def block_at(self, path: str, file: str) -> Callable[[str], None]:
        """Return what puts a folder where a package has a file, when the index is asked for a path."""

        def block(asked: str) -> None:
            if path in asked:
                (self.site / file / "folder").mkdir(parents=True)

        return block


@pytest.fixture
def checkout(tmp_path: Path) -> Generator[Checkout]:
    wheels = {
        "backend-1-py3-none-any.whl": wheel("backend", "1", {"backend.py": _BACKEND}),
        "parcel-1-py3-none-any.whl": wheel("parcel", "1", _FILES),
    }
    with package_index(wheels) as index:
        locks = tmp_path / "deploy/locks"
        locks.mkdir(parents=True)
        for name in ("Makefile", "deploy/install-packages", "deploy/check_packages.py"):
            shutil.copy(ROOT / name, tmp_path / name)
        (locks / "build.txt").write_text(index.pin("backend"))
        for name in ("runtime", "dev"):
            (locks / f"{name}.txt").write_text(index.pin("backend") + index.pin("parcel"))
        (tmp_path / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "backend"\n')
        yield Checkout(tmp_path, index)


def test_an_installation_that_is_broken_off_at_each_step_is_mended(checkout: Checkout, tmp_path: Path) -> None:
    dying_python = tmp_path / "python"
    dying_python.write_text(_DIES)
    dying_python.chmod(0o755)
    index = checkout.index

    # While the environment is made: it has a Python, and no pip.
    assert checkout.make(dying_python)[0] < 0
    assert (checkout.environment / "bin/python").exists()

    # While pip looks for packages, then while it downloads them.
    index.on_request = checkout.kill_at("/simple/backend")
    code, said = checkout.make()
    assert (code, ".venv is made anew" in said) == (-signal.SIGKILL, True), said
    index.on_request = checkout.kill_at("/files/parcel")
    code, said = checkout.make()
    assert (code, "anew" in said) == (-signal.SIGKILL, False), said

    # While it unpacks: as if the disk was full in the middle, with the metadata already there.
    index.on_request = checkout.block_at("/files/parcel", "parcel/150.txt")
    code, said = checkout.make()
    assert code > 0, said
    assert (checkout.site / "parcel-1.dist-info/METADATA").exists()
    assert (checkout.site / "parcel/149.txt").exists()
    assert not (checkout.site / "parcel/151.txt").exists()

    # While our own package is installed.
    index.on_request = checkout.kill_at("/simple/building/")
    code, said = checkout.make()
    assert (code, ".venv is made anew" in said) == (-signal.SIGKILL, True), said

    index.on_request = lambda _: None
    code, said = checkout.make()
    assert code == 0, said
    assert len(list((checkout.site / "parcel").glob("*.txt"))) == 300
    assert (checkout.site / "ours-1.dist-info").is_dir()
    assert checkout.make() == (0, "make: '.venv/.fleet' is up to date.\n")


def test_an_update_that_finds_no_index_leaves_the_environment_as_it_was(checkout: Checkout) -> None:
    assert checkout.make()[0] == 0
    was = checkout.environment.stat().st_ino
    lock = checkout.folder / "deploy/locks/runtime.txt"
    lock.write_text(lock.read_text().replace("parcel==1", "parcel==3"))

    code, said = checkout.make()

    assert code > 0
    assert "No matching distribution found for parcel==3" in said
    assert (checkout.site / "parcel-1.dist-info/RECORD").exists()

    lock.write_text(lock.read_text().replace("parcel==3", "parcel==1"))
    assert checkout.make()[0] == 0
    assert checkout.environment.stat().st_ino == was
