"""Which versions talk to each other."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from tests.support.callers.commands import Command


@pytest.mark.fleet
def test_the_versions_of_command_fleet_and_contract_are_shown(user: Command) -> None:
    shown = user("version", "-o", "json").json

    assert shown["client"]["version"] == shown["server"]["version"] == version("vimesh")
    assert shown["client"]["contract"] == shown["server"]["contract"] == "vimesh.v1"
    assert shown["server"]["address"] == user.environment["VIMESH_ADDRESS"]
    rows = [line.split() for line in user("version").out.splitlines()]
    assert rows == [
        ["PART", "VERSION", "CONTRACT"],
        ["client", version("vimesh"), "vimesh.v1"],
        ["server", version("vimesh"), "vimesh.v1"],
    ]


def test_a_fleet_that_does_not_answer_is_said_and_the_command_shows_its_own_version(vimesh: Command) -> None:
    done = vimesh("version", "--address", "127.0.0.1:9")

    assert done.code == 5
    assert done.out.splitlines()[1].split() == ["client", version("vimesh"), "vimesh.v1"]
    assert len(done.out.splitlines()) == 2
    assert "no gRPC server answers at 127.0.0.1:9" in done.err
    assert vimesh("version", "--client").code == 0
