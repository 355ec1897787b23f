"""What `vimesh vim import` says of a file before it asks a fleet: none is needed for that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.callers.commands import Command
from vimesh.cli.input.file_formats import Format

LAB: dict[str, Any] = {"name": "lab", "auth_url": "http://10.0.0.5:5000/v3"}
SECRET = "s3cret-word"
"""Never to be seen in what a command says."""


def write(folder: Path, *vims: Mapping[str, object], name: str = "vims.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(vim) + "\n" for vim in vims))
    return name


def test_a_dry_run_says_whether_all_are_fit(vimesh: Command) -> None:
    done = vimesh("vim", "import", write(vimesh.folder, LAB, {**LAB, "project": "red"}), "--dry-run=client")

    assert (done.code, done.out) == (0, "")
    assert done.err == "2 VIMs: all valid\ndry run: nothing was changed\n"


@pytest.mark.parametrize("dry_run", [(), ("--dry-run=client",)])
@pytest.mark.parametrize(
    ("format_", "text"),
    [*((format_, "") for format_ in Format), (Format.YAML, "# none\n"), (Format.JSON, "[]"), (Format.CSV, "name\n")],
)
def test_a_file_without_a_vim_is_an_error(
    vimesh: Command, format_: Format, text: str, dry_run: tuple[str, ...]
) -> None:
    (vimesh.folder / "vims").write_text(text)

    done = vimesh("vim", "import", "vims", "--format", format_, *dry_run, "--address", "127.0.0.1:9")

    assert (done.code, done.err) == (1, "error: the file is empty: it contains no VIMs\n")


def test_of_a_broken_file_nothing_is_registered_and_each_line_is_named(vimesh: Command) -> None:
    file = write(
        vimesh.folder,
        LAB,
        {**LAB, "colour": 1},
        LAB,
        {**LAB, "name": "a", "is_default": True, "id": "b0b1a5c0-0000-4000-8000-000000000000"},
        {**LAB, "name": "b", "is_default": True},
        {**LAB, "name": "c", "id": "B0B1A5C0-0000-4000-8000-000000000000"},
        *({**LAB, "name": f"{number}", "fall": SECRET} for number in range(50)),
    )

    # There is no fleet: it would be asked for.
    done = vimesh("vim", "import", file, "--address", "127.0.0.1:9")

    assert (done.code, done.out) == (1, "")
    assert "nothing was registered" in done.err
    assert "  line 2: 'colour' is unknown; known fields: " in done.err
    assert "  line 3: has the same name as line 1, in the same project\n" in done.err
    assert "  line 5: would be the default VIM of its project, but so would line 4\n" in done.err
    assert "  line 6: has the same id as line 4\n" in done.err
    assert "  ... and 34 more\n" in done.err
    assert SECRET not in done.err
    assert "--skip-invalid" in done.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("vims.txt",), 2),
        (("-",), 2),
        (("missing.yaml",), 1),
        (("vims.jsonl", "--format", "xml"), 2),
        (("vims.jsonl", "--give-up", "soon"), 2),
        (("vims.jsonl", "--rejects", "missing/rejects.jsonl"), 1),
        (("vims.jsonl", "--rejects", "vims.jsonl"), 1),
        (("vims.jsonl", "--address", "127.0.0.1:9"), 5),
    ],
)
def test_what_is_wrong_with_the_command_is_said(vimesh: Command, arguments: tuple[str, ...], code: int) -> None:
    write(vimesh.folder, LAB)
    (vimesh.folder / "vims.txt").write_text("lab http://10.0.0.5:5000/v3\n")

    done = vimesh("vim", "import", *arguments)

    assert done.code == code, done.err
    assert "error: " in done.err
