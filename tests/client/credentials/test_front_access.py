"""Where a front is and what it is shown: arguments before the environment before a profile."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from vimesh.client import BadSetting, LoginEnded
from vimesh.client.credentials.front_access import access_from_environment

PROFILES = """\
current: lab
profiles:
  lab: {address: "lab:7600", credentials: lab-files}
  live: {address: "live:7600", issuer: "https://idp.example", client_id: vimesh}
"""


@pytest.fixture
def environment(tmp_path: Path) -> Mapping[str, str]:
    (tmp_path / "vimesh").mkdir()
    (tmp_path / "vimesh/config.yaml").write_text(PROFILES)
    return {"XDG_CONFIG_HOME": str(tmp_path)}


def test_without_anything_it_is_the_local_fleet(tmp_path: Path) -> None:
    access = access_from_environment({"HOME": str(tmp_path)})

    assert (access.address, access.credentials) == ("127.0.0.1:7600", None)


def test_a_profile_gives_both(environment: Mapping[str, str], tmp_path: Path) -> None:
    access = access_from_environment(environment)

    assert (access.address, access.credentials) == ("lab:7600", tmp_path / "vimesh/lab-files")


def test_what_is_for_one_front_is_shown_to_no_other(environment: Mapping[str, str]) -> None:
    assert access_from_environment(environment, address="other:7600").credentials is None
    assert access_from_environment({**environment, "VIMESH_ADDRESS": "other:7600"}).credentials is None


def test_an_argument_comes_before_the_environment_and_that_before_a_profile(environment: Mapping[str, str]) -> None:
    there = {**environment, "VIMESH_ADDRESS": "env:7600", "VIMESH_CREDENTIALS": "/env"}

    assert access_from_environment(there).credentials == Path("/env")
    given = access_from_environment(there, address="given:7600", credentials="/given")
    assert (given.address, given.credentials) == ("given:7600", Path("/given"))


def test_a_login_is_asked_for_by_the_name_of_its_profile(environment: Mapping[str, str]) -> None:
    with pytest.raises(LoginEnded, match="not logged in to profile live") as ended:
        access_from_environment({**environment, "VIMESH_PROFILE": "live"})

    assert ended.value.profile == "live"


def test_what_cannot_be_used_is_named() -> None:
    with pytest.raises(BadSetting, match=r"VIMESH_ADDRESS.*must be host:port"):
        access_from_environment({}, address="https://front:7600/")
