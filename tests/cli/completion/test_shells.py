"""A shell gets the names and labels of a real fleet: what was read is kept, and read again by another process."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.callers.commands import clean_environment
from tests.support.deployments.conductors import conductor_at
from tests.support.timing.waiting import until
from vimesh.v1.vim_service_pb2 import DeregisterVimRequest

_COMPLETE = """
eval "$(VIMESH --show-completion bash)"
COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_vimesh_completion VIMESH
printf '%%s\\n' "${COMPREPLY[@]}"
"""
_IMPORTED = """
import sys
from vimesh.cli.start import main
try:
    main()
except SystemExit:
    print("imported:", *sys.modules)
"""
LIMIT_S = 30.0


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """The command under a name of its own."""
    program = tmp_path / "vimesh"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m vimesh.cli "$@"\n')
    program.chmod(0o755)
    return program


def environment(folder: Path, **more: str) -> dict[str, str]:
    own = {"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache"), "XDG_CONFIG_HOME": str(folder / "config")}
    return clean_environment(**own, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1", **more)


async def in_bash(program: Path, folder: Path, words: str, **more: str) -> list[str]:
    """Complete the last of the words, as bash has cut them."""
    script = (_COMPLETE % words).replace("VIMESH", str(program))
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "--norc", "-c", script],
        env=environment(folder, **more),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_S,
    )
    assert done.stderr == ""
    return done.stdout.split()


async def test_names_and_labels_of_a_fleet_are_completed_and_kept(program: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        await client.register(name="lab-1", labels={"region": "eu"})
        other = await client.register(name="lab-2", labels={"region": "ap"})

        names = await in_bash(program, folder, "vimesh vim show la", VIMESH_ADDRESS=client.address)
        labels = await in_bash(program, folder, "vimesh vim list -l region = e", VIMESH_ADDRESS=client.address)
        [kept] = (folder / "cache/vimesh").iterdir()

        assert (names, labels) == (["lab-1", "lab-2"], ["eu"])
        assert (kept.stat().st_mode & 0o777, json.loads(kept.read_text())["receivers"]) == (0o600, [])

        await client.vims.DeregisterVim(DeregisterVimRequest(vim_id=other.id))
        before = time.time() - 60
        os.utime(kept, (before, before))
        old = await in_bash(program, folder, "vimesh vim show la", VIMESH_ADDRESS=client.address)
        await until(lambda: "lab-2" not in kept.read_text(), LIMIT_S)
        new = await in_bash(program, folder, "vimesh vim show la", VIMESH_ADDRESS=client.address)

    assert (old, new) == (["lab-1", "lab-2"], ["lab-1"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("vimesh vim list --filter status = UNR", "UNREACHABLE"),
        ("""vimesh vim list --filter "'status = UNR" """, "status = UNREACHABLE"),
    ],
)
async def test_bash_is_given_what_it_replaces(program: Path, tmp_path: Path, words: str, expected: str) -> None:
    assert " ".join(await in_bash(program, tmp_path, words)) == expected


async def test_a_fleet_that_does_not_answer_is_waited_for_once(program: Path, tmp_path: Path) -> None:
    assert await in_bash(program, tmp_path, "vimesh vim show la", VIMESH_ADDRESS="127.0.0.1:9") == []
    [kept] = (tmp_path / "cache/vimesh").iterdir()

    assert json.loads(kept.read_text()) == {"profiles": []}


@pytest.mark.parametrize(
    ("shell", "line", "expected"),
    [
        ("complete_zsh", "vimesh vim sh", """_arguments '*: :(("show"))'"""),
        ("complete_zsh", "vimesh apply -f ", "_files"),
        ("complete_fish", "vimesh vim sh", "show"),
        ("complete_zsh", "vimesh vim list --filter 'status = UNR", """_arguments '*: :(("status = UNREACHABLE"))'"""),
        ("complete_zsh", 'vimesh vim list --filter \'name="$(reboot)" AND typ', "_files"),
        ("complete_fish", "vimesh vim list --filter 'type=openstack AND NOT isd", ""),
        (
            "complete_fish",
            "vimesh vim list --filter 'type=openstack AND NOT is_default=t",
            "type=openstack AND NOT is_default=true",
        ),
    ],
)
def test_a_shell_is_answered_without_the_library_of_commands(
    shell: str, line: str, expected: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED],
        env=environment(tmp_path, _VIMESH_COMPLETE=shell, _TYPER_COMPLETE_ARGS=line),
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_S,
    )
    answer, _, imported = done.stdout.rpartition("imported:")

    assert answer.strip() == expected
    assert not {"typer", "grpc", "google", "asyncio", "subprocess", "pathlib"} & set(imported.split())
