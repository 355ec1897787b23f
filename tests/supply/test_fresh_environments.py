"""The wheel, installed where nothing else is: with the newest packages that it allows, and with the oldest.

Each extra that people install by itself has an environment: a fleet, and a client that calls it.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import urllib.request
import zipfile
from collections.abc import Generator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.cli.targets import target
from tests.supply.installation import Installation, build, install
from tests.supply.locks import ROOT
from tests.support.callers.commands import clean_environment
from tests.support.callers.running import START_LIMIT_S

pytestmark = [pytest.mark.whole, pytest.mark.timeout(1200)]
_MIGRATIONS = {path.name for path in ROOT.glob("services/vimesh/store/migrations/versions/*.py")}


@dataclass(frozen=True)
class Lane:
    fleet: Installation
    client: Installation


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module", params=["highest", "lowest-direct"])
def lane(request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Lane]:
    folder = tmp_path_factory.mktemp("lane")
    names = ("fleet", "cli")
    yield Lane(*(install(folder / name, wheel, name, request.param) for name in names))
    # Envoy and its like: a third of a gigabyte.
    shutil.rmtree(folder)


def test_the_wheel_holds_vimesh_alone_and_all_of_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    data = f"vimesh-{version('vimesh')}.data"
    assert {name.split("/")[0] for name in names} == {"vimesh", data, f"vimesh-{version('vimesh')}.dist-info"}
    assert {name for name in names if name.startswith(data)} == {
        f"{data}/data/share/man/man1/{path.name}" for path in (ROOT / "docs/man").iterdir()
    }
    # The bundle, which is made of them, is among the others.
    web = ROOT / "services/vimesh/console/web"
    sources = {
        str(path.relative_to(ROOT / top))
        for top in ("services", "gen")
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.is_relative_to(web)
    }
    assert {name for name in names if name.startswith("vimesh/")} == sources


def test_a_wheel_made_from_the_source_archive_is_the_same(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    with tarfile.open(archive) as source:
        source.extractall(tmp_path, filter="data")

    again = build("wheel", tmp_path / archive.name.removesuffix(".tar.gz"), tmp_path / "wheel")

    assert (again.name, again.read_bytes()) == (wheel.name, wheel.read_bytes())


def test_an_installation_has_what_vimesh_reads(lane: Lane, tmp_path: Path) -> None:
    vimesh = lane.fleet

    assert vimesh(tmp_path, "--version").out == f"vimesh {version('vimesh')}\n"
    assert {path.name for path in (vimesh.site() / "vimesh/store/migrations/versions").glob("*.py")} == _MIGRATIONS
    assert (vimesh.folder / "share/man/man1/vimesh-vim.1").is_file()
    assert not (vimesh.site() / "buf").exists()
    assert not (lane.client.site() / "sqlalchemy").exists()
    assert not (vimesh.site() / "grpc_status").exists()


def test_the_parts_of_a_fleet_start_by_hand(lane: Lane, tmp_path: Path) -> None:
    vimesh, url = lane.fleet, "sqlite:///vimesh.sqlite"
    assert vimesh(tmp_path, "db", "make-key", "key").code == 0
    assert vimesh(tmp_path, "db", "upgrade", "--database-url", url).code == 0
    assert vimesh(tmp_path, "db", "check", "--database-url", url).code == 0
    flags = ("--listen", "127.0.0.1:0", "--database-url", url, "--key-file", "key")

    with vimesh.running(tmp_path, "conductor", *flags) as conductor:
        address = f"127.0.0.1:{_port(conductor.line_with('conductor is serving', within_s=START_LIMIT_S))}"
        register = ("vim", "register", "lab", "--auth-url", "http://127.0.0.1:9/")
        registered = lane.client(tmp_path, *register, VIMESH_ADDRESS=address)
        assert registered.code == 0, registered
        with vimesh.running(tmp_path, "api", "--listen", "127.0.0.1:0", "--address", address) as api:
            port = _port(api.line_with("api is serving", within_s=START_LIMIT_S))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1.0/vims", timeout=30) as answer:
                vims = json.load(answer)["vims"]

    assert [vim["name"] for vim in vims] == ["lab"]


def test_certificates_and_the_files_of_envoy_are_made(lane: Lane, tmp_path: Path) -> None:
    vimesh = lane.fleet

    assert vimesh(tmp_path, "certs", "init").code == 0
    assert vimesh(tmp_path, "certs", "issue", "conductor", "one").code == 0
    assert "conductor/one" in vimesh(tmp_path, "certs", "list").out
    rendered = vimesh(tmp_path, "envoy", "render", str(ROOT / "deploy/envoy/fleet.yaml"), "--output", "envoy")
    assert rendered.code == 0, rendered
    validated = vimesh(tmp_path, "envoy", "validate", "envoy/bootstrap.yaml")
    assert validated.code == 0, validated


def test_type_checkers_read_the_types(lane: Lane, tmp_path: Path) -> None:
    (tmp_path / "caller.py").write_text("from vimesh.v1 import vim_pb2\nvim_pb2.Vim(name=1)\n")
    mypy = Path(sys.executable).with_name("mypy")
    environment = clean_environment(PYTHONPATH="", MYPYPATH="")

    flags = ("--python-executable", str(lane.client.python), "--cache-dir", str(tmp_path / "cache"))
    done = subprocess.run(
        [mypy, *flags, "caller.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert 'Argument "name" to "Vim" has incompatible type "int"' in done.stdout


def test_a_fleet_starts_and_its_client_needs_no_more_than_its_extra(lane: Lane, tmp_path: Path) -> None:
    # The last of these tests: the others have made Python compile most of what it starts.
    flags = ("--secured", "--conductors", "1")
    with target() as cloud, lane.fleet.running_fleet(tmp_path, *flags) as up:
        who = dict(re.findall(r"export (VIMESH_\w+)=(\S+)", "\n".join(up.lines)))
        register = ("vim", "register", "lab", "--auth-url", cloud.auth_url)
        registered = lane.client(tmp_path, *register, "--wait", "REACHABLE", "--wait-timeout", "60s", **who)
        listed = lane.client(tmp_path, "vim", "list", "-o", "json", **who)
        status = lane.client(tmp_path, "status", **who)

    assert registered.code == 0, registered
    assert [(vim["name"], vim["status"]) for vim in listed.json] == [("lab", "REACHABLE")]
    assert status.code == 0, status


def _port(line: str) -> str:
    said = re.search(r"\bport=(\d+)", line)
    assert said is not None, line
    return said[1]
