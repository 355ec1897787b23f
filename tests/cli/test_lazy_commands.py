from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.support.callers.commands import VIMESH, Command, clean_environment
from vimesh.cli.main import COMMANDS, app
from vimesh.cli.vim import vim_commands

_NAMES_AFTER = """
import sys
from vimesh.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    print("imported:", *sys.modules)
"""


def _imports(*arguments: str, prefix: str = "vimesh.cli.") -> set[str]:
    """Return the modules that a command has imported."""
    run = [sys.executable, "-c", _NAMES_AFTER, *arguments]
    output = subprocess.run(run, capture_output=True, text=True, check=True, timeout=50).stdout
    return {name for name in output.rpartition("imported:")[2].split() if name.startswith(prefix)}


def test_a_command_imports_no_other() -> None:
    imported = _imports("vim", "show", "--help")

    assert "vimesh.cli.vim.list_and_show" in imported
    assert not {"vimesh.cli.vim.watch", "vimesh.cli.commands.certs", "vimesh.cli.commands.conductor"} & imported


def test_every_command_is_listed_in_the_order_of_the_table_and_can_be_asked_for_help(tmp_path: Path) -> None:
    typed = Command(tmp_path)
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)

    table = typed("--help").out.partition("Commands:\n")[2].partition("\n\n")[0]
    listed = [line.split()[0] for line in table.splitlines()]

    assert listed == list(group.commands)
    for name in listed:
        assert typed(name, "--help").out.startswith(f"Usage: vimesh {name} ")


def test_what_a_list_says_of_a_command_is_the_first_sentence_of_its_help() -> None:
    group: Any = typer.main.get_command(app)

    for sources, commands in ((COMMANDS, group.commands), (vim_commands.COMMANDS, group.commands["vim"].commands)):
        for name, source in sources.items():
            sentence, _, _ = " ".join(commands[name].help.split("\n\n")[0].split()).partition(". ")
            assert source.summary == f"{sentence.rstrip('.')}.", name


@pytest.mark.parametrize("arguments", [["--help"], ["vim", "--help"], ["vim", "list", "--address", "127.0.0.1:9"]])
def test_a_short_command_imports_neither_a_validator_nor_a_logger_nor_what_only_processes_need(
    arguments: list[str],
) -> None:
    names = _imports(*arguments, prefix="")

    assert not {"pydantic", "structlog", "sqlalchemy", "yaml", "rich", "vimesh.bridge", "vimesh.store"} & names
    assert "list" in arguments or "grpc" not in names


@pytest.mark.parametrize(
    ("arguments", "most", "most_of_ours"),
    [
        (["--help"], 190, 24),
        (["version", "--client"], 265, 46),
        (["vim", "list", "--address", "127.0.0.1:9"], 425, 120),
    ],
)
def test_a_short_command_keeps_its_budget_of_modules(arguments: list[str], most: int, most_of_ours: int) -> None:
    names = _imports(*arguments, prefix="")
    ours = {name for name in names if name.startswith("vimesh.")}

    assert not {"vimesh.domain.vims", "vimesh.domain.pool.pool_members"} & ours
    assert "list" in arguments or not {"grpc", "google.protobuf.message"} & names
    assert (len(names) <= most, len(ours) <= most_of_ours) == (True, True), f"{len(names)}, {len(ours)} of vimesh"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (["--limit", "x"], "--limit: must be a whole number, not 'x'"),
        (["--limit", "1e9"], "--limit: must be a whole number, not '1e9'"),
        (["--limit", "9" * 30], f"--limit: must be a whole number, not '{'9' * 30}'"),
        (["--limit", "0"], "--limit: must be at least 1, not 0"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_with_its_flag(tmp_path: Path, typed: list[str], expected: str) -> None:
    ended = Command(tmp_path)("vim", "list", *typed)

    assert ended.code == 2
    assert ended.err.startswith(f"error: {expected}\n")


def test_shells_are_given_a_script_to_complete_with(tmp_path: Path) -> None:
    shown = subprocess.run(
        [*VIMESH, "--show-completion", "bash"],
        env=clean_environment(_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )

    assert "_VIMESH_COMPLETE" in shown.stdout


def test_a_hidden_command_is_not_listed_and_works(tmp_path: Path) -> None:
    typed = Command(tmp_path)

    assert " delete " not in typed("vim", "--help").out
    assert typed("vim", "delete", "--help").out.startswith("Usage: vimesh vim delete ")


def test_a_misspelt_command_is_told_what_is_similar(tmp_path: Path) -> None:
    ended = Command(tmp_path)("vim", "regster")

    assert ended.code == 2
    assert "Did you mean 'register', " in ended.err
