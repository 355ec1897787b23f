from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from vimesh.domain.errors import BadSetting
from vimesh.envoy.bootstrap import BOOTSTRAP_FILE
from vimesh.envoy.envoy_binary import command, find
from vimesh.envoy.fleet.fleet_file import read
from vimesh.envoy.fleet.front_fleet import ClusterHost, FrontFleet, ListenAddress
from vimesh.envoy.validate_bootstrap import validate
from vimesh.envoy.write_files import render, write_endpoints

DEPLOY = Path(__file__).parents[2] / "deploy/envoy"
ONE = (ClusterHost(ListenAddress("127.0.0.1", 7611), ListenAddress("127.0.0.1", 7711)),)


def test_the_files_in_deploy_are_what_its_fleet_file_says(tmp_path: Path) -> None:
    render(read(DEPLOY / "fleet.yaml"), tmp_path)

    for name in ("bootstrap.yaml", "conductors.yaml", "openapi.json"):
        assert (DEPLOY / name).read_text() == (tmp_path / name).read_text(), "run `make envoy`"
    validate(tmp_path / BOOTSTRAP_FILE, find(os.environ))


def test_envoy_accepts_the_example_of_a_secured_fleet(tmp_path: Path) -> None:
    validate(render(read(DEPLOY / "secured-fleet.yaml"), tmp_path), find(os.environ))


def test_envoy_accepts_everything_that_a_fleet_file_can_say(tmp_path: Path) -> None:
    admin, reports, log = (tmp_path / name for name in ("admin", "reports", "log"))
    full = FrontFleet(ONE, api=ONE, admin=admin, reports=reports, access_log=str(log))

    validate(render(full, tmp_path / "full"), find(os.environ))
    validate(render(FrontFleet(ONE, reports=ListenAddress("127.0.0.1", 7602)), tmp_path / "ports"), find(os.environ))
    validate(render(FrontFleet(()), tmp_path / "least"), find(os.environ))


def test_what_envoy_refuses_is_said_in_its_words(tmp_path: Path) -> None:
    path = render(FrontFleet(ONE), tmp_path)
    path.write_text(path.read_text().replace("LEAST_REQUEST", "LEAST_REQEUST"))

    with pytest.raises(BadSetting, match="LEAST_REQEUST"):
        validate(path, find(os.environ))


def test_an_envoy_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    hung = tmp_path / "envoy"
    hung.write_text("#!/bin/sh\nexec sleep 60\n")
    hung.chmod(0o755)

    with pytest.raises(BadSetting, match=r"within 0\.1 s"):
        validate(render(FrontFleet(ONE), tmp_path), str(hung), limit_s=0.1)


def test_files_are_replaced_whole_and_nothing_is_left_beside_them(tmp_path: Path) -> None:
    render(FrontFleet(ONE), tmp_path)
    before = (tmp_path / "conductors.yaml").stat().st_ino

    write_endpoints(tmp_path, "conductors", [ClusterHost(ListenAddress("127.0.0.1", 7612))])

    after = (tmp_path / "conductors.yaml").stat()
    assert before != after.st_ino
    assert stat.S_IMODE(after.st_mode) == 0o644
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("bootstrap.yaml", "conductors.yaml", "contract.binpb", "openapi.json"),
    ]


def test_several_envoys_may_run_side_by_side() -> None:
    assert command("envoy", Path("b.yaml"), concurrency=1) == [
        *("envoy", "--config-path", "b.yaml", "--concurrency", "1"),
        *("--disable-hot-restart", "--log-level", "warning"),
    ]
