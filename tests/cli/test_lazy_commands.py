from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import typer.main

from tests.support.callers.commands import Command
from vimesh.cli.main import app

_NAMES_AFTER = """
import sys
from vimesh.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit:
    print("imported:", *(name for name in sys.modules if name.startswith("vimesh.cli.")))
"""


def _imports(*arguments: str) -> set[str]:
    run = [sys.executable, "-c", _NAMES_AFTER, *arguments]
    output = subprocess.run(run, capture_output=True, text=True, check=True, timeout=50).stdout
    return set(output.rpartition("imported:")[2].split())


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


def test_a_hidden_command_is_not_listed_and_works(tmp_path: Path) -> None:
    typed = Command(tmp_path)

    assert " delete " not in typed("vim", "--help").out
    assert typed("vim", "delete", "--help").out.startswith("Usage: vimesh vim delete ")


def test_a_misspelt_command_is_told_what_is_similar(tmp_path: Path) -> None:
    ended = Command(tmp_path)("vim", "regster")

    assert ended.code == 2
    assert "Did you mean 'register', " in ended.err
