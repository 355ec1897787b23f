from __future__ import annotations

from pathlib import Path

import pytest

from vimesh.domain.errors import BadSetting
from vimesh.monitor.executor.executor_settings import ActionMode, ExecutorSettings, executor_settings
from vimesh.target_rules.networks import parse_networks
from vimesh.target_rules.target_rules import TargetRules


def test_nothing_has_to_be_set() -> None:
    assert executor_settings({}) == ExecutorSettings("127.0.0.1:7600", ActionMode.ASYNC, TargetRules())


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "vimesh.toml"
    file.write_text(
        'address = "mesh:7600"\nlog.level = "debug"\nprobe_allow = "127.0.0.1"\nprobe_deny = "::1"\n'
        '[action]\nmode = "sync"\n'
    )

    from_file = executor_settings({"VIMESH_CONFIG": str(file)})
    from_both = executor_settings(
        {
            "VIMESH_CONFIG": str(file),
            "VIMESH_ADDRESS": "10.0.0.1:1",
            "VIMESH_ACTION_MODE": "",
            "VIMESH_PROBE_DENY": "10.0.0.0/8,::1",
        }
    )

    here = parse_networks("127.0.0.1")
    assert from_file == ExecutorSettings("mesh:7600", ActionMode.SYNC, TargetRules(here, parse_networks("::1")))
    assert from_both == ExecutorSettings(
        "10.0.0.1:1", ActionMode.SYNC, TargetRules(here, parse_networks("10.0.0.0/8,::1"))
    )


@pytest.mark.parametrize(
    ("environment", "file", "says"),
    [
        ({"VIMESH_ADDRESS": "mesh"}, "", "VIMESH_ADDRESS: must be host:port, not 'mesh'"),
        ({"VIMESH_ADDRESS": "mesh:0"}, "", "VIMESH_ADDRESS: must be host:port, not 'mesh:0'"),
        ({"VIMESH_ACTION_MODE": "thread"}, "", "VIMESH_ACTION_MODE: must be one of async, sync, not 'thread'"),
        ({"VIMESH_PROBE_ALLOW": "here"}, "", "VIMESH_PROBE_ALLOW: must be an address or a network"),
        ({}, "address = 7600", "address in FILE: must be host:port, not '7600'"),
        ({}, "action = 1\naction = 2", "FILE: is not TOML"),
        ({"VIMESH_CONFIG": "/nowhere"}, "", "/nowhere: cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, environment: dict[str, str], file: str, says: str) -> None:
    path = tmp_path / "vimesh.toml"
    path.write_text(file)

    with pytest.raises(BadSetting) as raised:
        executor_settings({"VIMESH_CONFIG": str(path)} | environment)

    assert str(raised.value).replace(str(path), "FILE").startswith(says)
