"""systemd takes the units, shuts their processes in, and they run what vimesh has."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.docs.shell_blocks import ROOT, blocks
from tests.installations.stopping import DRAINED, stopping_s
from tests.installations.systemd_units import FOLDER, SERVICES, analyze, environment_of, installed, settings_of
from tests.support.callers.command_lines import check_run, check_toml, check_variables
from vimesh.envoy.fleet.fleet_file import parse

PAGE = ROOT / "docs/operating/systemd.md"
OURS = [unit for unit in SERVICES if unit.stem != "vimesh-front"]
MONITOR = FOLDER / "vimesh-monitor.service"
FRONT = FOLDER / "vimesh-front.service"
EXPOSURE = {"vimesh-monitor": 18, "vimesh-front": 16}
"""How exposed systemd says a unit is, at most, in tenths: 0 is not at all, 100 is a service without any sandbox."""
OTHERS = 14
_EACH = pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
_EACH_OF_OURS = pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.stem)


def test_there_is_a_unit_for_each_process() -> None:
    names = {"api", "bridge", "conductor", "console", "front", "monitor", "notifier"}

    assert {unit.stem for unit in SERVICES} == {f"vimesh-{name}" for name in names}


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    folder = installed(tmp_path)

    done = analyze("verify", *sorted(folder.iterdir()), units=folder)

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_takes_no_unit_with_a_mistake(tmp_path: Path) -> None:
    unit = installed(tmp_path) / MONITOR.name
    unit.write_text(unit.read_text().replace("Type=notify", "Type=notifies"))

    assert "Failed to parse service type" in analyze("verify", unit, units=tmp_path).stderr


@_EACH
def test_a_process_is_shut_in(unit: Path, tmp_path: Path) -> None:
    limit = EXPOSURE.get(unit.stem, OTHERS)

    done = _security(limit, installed(tmp_path), unit)

    assert done.returncode == 0, done.stdout


def test_a_process_that_is_not_shut_in_is_noticed(tmp_path: Path) -> None:
    unit = installed(tmp_path) / MONITOR.name
    unit.write_text(unit.read_text().replace("ProtectSystem=strict\n", "").replace("SystemCallFilter", "#"))

    assert _security(EXPOSURE[MONITOR.stem], tmp_path, unit).returncode != 0


def _security(limit: int, folder: Path, unit: Path) -> subprocess.CompletedProcess[str]:
    return analyze("security", "--offline=true", f"--threshold={limit}", folder / unit.name, units=folder)


@_EACH
def test_a_process_runs_as_nobody_else_and_is_started_again(unit: Path) -> None:
    settings = settings_of(unit)

    assert settings["DynamicUser"] == ["yes"]
    assert settings["Restart"] == ["always"]
    assert settings["PartOf"] == settings["WantedBy"] == ["vimesh.target"]
    assert int(settings["LimitNOFILE"][0]) > 20_000


@_EACH_OF_OURS
def test_systemd_watches_a_process_of_ours(unit: Path) -> None:
    settings = settings_of(unit)

    assert (settings["Type"], settings["WatchdogSec"]) == (["notify"], ["10"])
    assert settings["StateDirectory"] == [unit.stem]


@_EACH
def test_only_the_monitor_may_ping(unit: Path) -> None:
    settings = settings_of(unit)
    wanted = ["CAP_NET_RAW"] if unit == MONITOR else [""]

    assert settings["CapabilityBoundingSet"] == wanted
    assert settings.get("AmbientCapabilities", [""]) == wanted


@_EACH_OF_OURS
def test_a_unit_runs_a_command_of_vimesh_with_settings_that_exist(unit: Path) -> None:
    [line] = settings_of(unit)["ExecStart"]
    program, *arguments = shlex.split(line)

    assert program == "/opt/vimesh/bin/vimesh"
    check_run(arguments)
    check_variables(environment_of(unit))


@_EACH_OF_OURS
def test_what_a_unit_names_is_passed_by_systemd(unit: Path) -> None:
    settings = settings_of(unit)
    passed = dict(value.split(":") for value in settings["LoadCredential"])
    part = unit.stem.removeprefix("vimesh-")

    named = {name for value in settings["Environment"] for name in value.split("%d/")[1:]}
    assert named <= set(passed)
    assert {"settings.toml", "tls.crt", "tls.key", "ca.crt"} <= set(passed)
    assert all(file == f"/etc/vimesh/{part}/{name}" for name, file in passed.items())
    assert "EnvironmentFile" not in settings, "an environment is no place for a password"


@pytest.mark.parametrize("part", DRAINED)
def test_what_serves_has_the_time_to_drain(part: str) -> None:
    [limit] = settings_of(FOLDER / f"vimesh-{part}.service")["TimeoutStopSec"]

    assert int(limit) > stopping_s(part)


def test_the_front_is_where_the_page_has_it_rendered() -> None:
    [line] = settings_of(FRONT)["ExecStart"]
    words = shlex.split(line)
    [fleet] = [parse("\n".join(block.lines)) for block in blocks(PAGE) if block.language == "yaml"]

    assert words[words.index("--config-path") + 1] == "/etc/vimesh/front/envoy/bootstrap.yaml"
    assert "vimesh envoy render /etc/vimesh/front/fleet.yaml --output /etc/vimesh/front/envoy" in PAGE.read_text()
    assert str(fleet.admin) == "/run/vimesh-front/admin"
    assert all(str(fleet.admin) in command for command in settings_of(FRONT)["ExecStop"][:2])


def test_the_settings_that_the_page_shows_exist() -> None:
    files = ["\n".join(block.lines) for block in blocks(PAGE) if block.language == "toml"]

    assert files
    for file in files:
        check_toml(file)
