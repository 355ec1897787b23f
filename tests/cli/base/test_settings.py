from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.callers.commands import Command
from vimesh.cli.base import command_settings
from vimesh.cli.base.command_settings import KNOWN, SHARD, UP_PORT
from vimesh.cli.base.common_settings import CALL_TIMEOUT
from vimesh.cli.base.durations import brief, exact, seconds
from vimesh.cli.local_fleet.fleet_processes import without_secrets
from vimesh.domain.actions import Shard
from vimesh.domain.errors import BadSetting
from vimesh.domain.settings import BadFlag, Setting, Sources, config_file, sources
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import TargetRules


def test_flags_win_over_the_environment_and_that_over_the_file() -> None:
    file = {"up.port": "1", "call_timeout": "3s"}
    found = Sources({"VIMESH_UP_PORT": "2", "VIMESH_MONITOR_SHARD": ""}, file, "vimesh.toml")

    assert found.read(UP_PORT, 3) == 3
    assert found.read(UP_PORT) == 2
    assert found.read(CALL_TIMEOUT) == 3.0
    assert found.read(SHARD) == Shard(0, 1)


def test_the_file_is_read_from_where_config_says(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text('call_timeout = 2.5\n[up]\nport = 7700\n[monitor]\nshard = "1/3"\n')

    for found in (sources({}, path, KNOWN), sources({}, config_file({"VIMESH_CONFIG": str(path)}), KNOWN)):
        assert (found.read(UP_PORT), found.read(CALL_TIMEOUT), found.read(SHARD)) == (7700, 2.5, Shard(1, 3))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("[up]\nprot = 1\n", "up.prot in .*is unknown; known settings: .*up.port"),
        ("up = \n", "is not TOML"),
        ("[up]\nport = 70000\n", "up.port in .*: must be a number from 0 to 65535, not '70000'"),
    ],
)
def test_a_bad_file_is_named_with_its_key(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "vimesh.toml"
    path.write_text(content)

    with pytest.raises(BadSetting, match=complaint):
        sources({}, path, KNOWN).read(UP_PORT)


def test_a_bad_flag_is_wrong_usage_and_a_bad_variable_is_named() -> None:
    with pytest.raises(BadFlag, match="--call-timeout: must be a duration"):
        Sources({}, {}).read(CALL_TIMEOUT, "soon")
    with pytest.raises(BadSetting, match="VIMESH_CALL_TIMEOUT: must be above 0"):
        Sources({"VIMESH_CALL_TIMEOUT": "0s"}, {}).read(CALL_TIMEOUT)


@pytest.mark.parametrize(
    ("text", "expected"), [("500ms", 0.5), ("10s", 10), ("2m", 120), ("1h", 3600), ("7", 7), ("1.5s", 1.5)]
)
def test_durations_are_read(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "-1s", "1w", "s", "1s2", "nan", "\u0661s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        seconds(text)


def test_durations_are_written() -> None:
    assert [brief(s) for s in (-1, 0.4, 59, 60, 7200, 200000)] == ["0s", "0s", "59s", "1m", "2h", "2d"]
    assert [exact(s) for s in (0.25, 1, 10.5)] == ["250ms", "1s", "10.5s"]


def test_a_monitor_probes_nothing_special_unless_it_is_told_to() -> None:
    environment = {"VIMESH_PROBE_DENY": "10.0.0.0/8, ::1"}

    assert command_settings.target_rules(sources({}, None), allow=None, deny=None) == TargetRules()
    assert command_settings.target_rules(sources(environment, None), allow=["127.0.0.1", "::1"], deny=None) == (
        TargetRules(allow=parse_networks("127.0.0.1,::1"), deny=parse_networks("10.0.0.0/8,::1"))
    )


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("vim", "list", "-o", "xml"),
            2,
            "error: --output: must be one of table, wide, name, csv, json, yaml, jsonpath=EXPR, not 'xml'",
        ),
        (("vim", "list", "--nonsense"), 2, "No such option"),
        (("vim", "register", "--auth-url", "http://h"), 2, "error: --name: is required"),
        (("vim", "register", "x"), 2, "error: --auth-url: is required"),
        (("vim", "register", "x", "--auth-url", "http://h", "--fall", "0"), 2, "error: --fall: must be from 1 to 10"),
        (
            ("vim", "register", "x", "--auth-url", "http://h", "--fail-for", "-6s"),
            2,
            "error: --fail-for: must be a dura",
        ),
        (("vim", "register", "x", "--auth-url", "http://h", "--fail-for", "9" * 20), 2, "--fail-for: is longer than"),
        (("vim", "register", "x", "--config-file", "/nonexistent"), 1, "error: /nonexistent: cannot be read"),
        (("vim", "set", "x"), 2, "nothing to change"),
        (("vim", "wait", "x", "--for", "HAPPY"), 2, "error: --for: must be one of REACHABLE"),
        (("vim", "list", "--config", "/nonexistent"), 1, "error: /nonexistent: cannot be read"),
        (("monitor", "--shard", "3/3"), 2, "error: --shard: must be I/N"),
        (("monitor", "--probe-allow", "::1", "--probe-allow", "x"), 2, "error: --probe-allow: must be an address or a"),
        (("up", "--probe-deny", "10.0.0.1/8"), 2, "error: --probe-deny: must be 10.0.0.0/8 or a single address"),
        (("notify", "--target-deny", "x"), 2, "error: --target-deny: must be an address or a"),
        (("notify", "--notifier-id", "a b"), 2, "error: --notifier-id: must be a name of at most 128"),
        (("monitor", "--address", "nowhere"), 2, "error: --address: must be host:port"),
    ],
)
def test_wrong_usage_is_told_in_a_line(vimesh: Command, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = vimesh(*arguments)

    assert done.code == code
    assert said in done.err.replace("Error: No", "No")
    assert done.out == ""


def test_help_documents_the_exit_codes_and_version_is_printed(vimesh: Command) -> None:
    said = vimesh("--help").out

    assert all(f"{code}  " in said for code in (0, 1, 2, 3, 4, 5))
    assert vimesh("--version").out.startswith("vimesh ")


def test_processes_of_a_fleet_inherit_no_secrets() -> None:
    secrets = {
        "VIMESH_DATABASE_URL": "postgresql://vimesh:secret@db/vimesh",
        "VIMESH_KEY_FILE": "keys",
        "VIMESH_MISTRAL_URL": "http://user:secret@mistral:8989/v2",
        "VIMESH_IMPORT_DATABASE_URL": "mysql://tacker:secret@db/tacker",
        "VIMESH_BRIDGE_TRANSPORT_URL": "rabbit://guest:secret@rabbit/",
    }

    assert without_secrets({"PATH": "/bin", "VIMESH_LOG_LEVEL": "info", **secrets}) == {
        "PATH": "/bin",
        "VIMESH_LOG_LEVEL": "info",
    }


def test_every_setting_may_stand_in_the_file() -> None:
    there = {value.key for value in vars(command_settings).values() if isinstance(value, Setting)}

    assert there <= set(KNOWN)


def test_the_file_that_the_manual_shows_is_taken(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/using/command-line.md").read_text()
    path = tmp_path / "vimesh.toml"
    path.write_text(page.partition("```toml\n")[2].partition("```")[0])

    found = sources({}, path, KNOWN)

    for value in vars(command_settings).values():
        if isinstance(value, Setting):
            found.read(value)


def test_no_setting_is_left_out_of_those_that_a_file_may_have() -> None:
    defined = {value.key for value in vars(command_settings).values() if isinstance(value, Setting)}

    assert defined == set(KNOWN)
