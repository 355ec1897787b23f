"""What counts for every command: flags before it, other names, help, and how it prints."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
import typer.main
import yaml

from tests.support.callers.commands import Command
from tests.support.callers.pages_server import serving_pages
from vimesh.cli.main import app, main
from vimesh.v1.vim_pb2 import Vim

NOWHERE = "127.0.0.1:9"


def paths(command: Any, *words: str) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 - the library exports no types
    """Yield the words of every command, groups included."""
    yield words
    for name, below in getattr(command, "commands", {}).items():
        yield from paths(below, *words, name)


def test_every_command_explains_itself_by_h_and_help(vimesh: Command) -> None:
    for words in paths(typer.main.get_command(app)):
        short, long = vimesh(*words, "-h"), vimesh(*words, "--help")

        assert short.code == long.code == 0
        assert short.out == long.out
        assert short.out.startswith(" ".join(["Usage: vimesh", *words]))


def test_flags_may_stand_before_the_command_and_those_after_it_win(vimesh: Command) -> None:
    list_there = ("--address", NOWHERE, "vim", "list")

    assert f"answers at {NOWHERE} " in vimesh(*list_there, VIMESH_ADDRESS="127.0.0.1:7").err
    assert "answers at 127.0.0.1:8 " in vimesh(*list_there, "--address", "127.0.0.1:8").err
    assert vimesh("-o", "json", "version", "--client").json["server"] is None
    assert vimesh("--call-timeout", "soon", "vim", "list").err.startswith("error: --call-timeout: must be a duration")
    assert vimesh("--config", "/nonexistent", "vim", "list").err.startswith("error: /nonexistent: cannot be read")


def test_flags_before_one_command_do_not_count_for_the_next(vimesh: Command) -> None:
    vimesh("-o", "json", "version", "--client")

    assert vimesh("version", "--client").out.startswith("PART ")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("vim ls", "vim list"),
        ("vim get", "vim list"),
        ("vim get lisbon", "vim show"),
        ("vim describe lisbon", "vim show"),
        ("vim create", "vim register"),
        ("get vims", "vim list"),
        ("get vim lisbon", "vim show"),
        ("get events", "vim events"),
        ("describe vim lisbon", "vim show"),
        ("create vim", "vim register"),
        ("delete vim lisbon", "vim deregister"),
        ("get vim/lisbon", "vim show"),
        ("delete vim/lisbon", "vim deregister"),
        ("label vim lisbon site=a", "vim label"),
        ("set vim lisbon", "vim set"),
        ("wait vim/lisbon", "vim wait"),
        ("watch vims", "vim watch"),
        ("get vims -w", "vim watch"),
        ("get vim/lisbon --watch", "vim watch"),
        ("get receivers", "receiver list"),
        ("describe receiver ops", "receiver show"),
        ("get windows", "maintenance list"),
        ("create window", "maintenance start"),
        ("get notifications", "notification list"),
        ("get contexts", "profile list"),
        ("context use lab", "profile use"),
    ],
)
def test_commands_have_the_names_that_people_know(vimesh: Command, words: str, meant: str) -> None:
    def help_of(text: str) -> str:
        printed = vimesh(*text.split(), "--help")
        assert printed.code == 0, printed.err
        return printed.out.partition("\n")[2]

    assert help_of(words) == help_of(meant)


def test_a_url_is_no_address_and_the_address_in_it_is_named(vimesh: Command) -> None:
    for url in ("http://127.0.0.1:7600", "https://127.0.0.1:7600/v1"):
        done = vimesh("vim", "list", "--address", url)

        assert done.code == 2
        assert done.err.startswith("error: --address: must be host:port, not a URL: write 127.0.0.1:7600 without http")
    assert "VIMESH_ADDRESS: must be host:port, not a URL" in vimesh("vim", "list", VIMESH_ADDRESS="http://h:1").err


def test_a_misspelt_variable_is_told_and_others_are_not(vimesh: Command) -> None:
    others = {"VIMESH_PORT": "tcp://10.0.0.1:7600", "VIMESH_SERVICE_HOST": "10.0.0.1", "VIMESH_MY_OWN": "1"}

    misspelt = vimesh("version", "--client", VIMESH_ADRESS=NOWHERE, VIMESH_OUPUT="json", **others)

    assert misspelt.err == (
        "warning: VIMESH_ADRESS has no effect; did you mean VIMESH_ADDRESS?\n"
        "warning: VIMESH_OUPUT has no effect; did you mean VIMESH_OUTPUT?\n"
    )
    assert vimesh("version", "--client", VIMESH_ADDRESS=NOWHERE, VIMESH_OUTPUT="table", **others).err == ""


VIMS = [
    Vim(id="1", name="東京-一", status=Vim.REACHABLE),
    Vim(id="2", name="lisbon", status=Vim.UNREACHABLE),
    Vim(id="3", name="Zu\u0308rich", status=Vim.PENDING),
]


def test_wide_and_combining_characters_keep_columns_in_line(vimesh: Command) -> None:
    with serving_pages(lambda _: (VIMS, False)) as address:
        lines = vimesh("vim", "list", "-c", "NAME", "-c", "STATUS", "--address", address).out.splitlines()

    assert lines == ["NAME     STATUS", "東京-一  REACHABLE", "lisbon   UNREACHABLE", "Zu\u0308rich   PENDING"]


@pytest.mark.parametrize(
    ("environment", "has_colours"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_are_as_the_environment_wants_them(
    vimesh: Command, environment: dict[str, str], has_colours: bool
) -> None:
    with serving_pages(lambda _: (VIMS, False)) as address:
        printed = vimesh("vim", "list", "--address", address, **{"NO_COLOR": "", "FORCE_COLOR": "", **environment}).out

    assert ("\x1b[32mREACHABLE\x1b[0m" in printed) is has_colours


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("output", ["table", "csv", "name", "json", "yaml"])
def test_terminals_of_any_encoding_are_written_to(encoding: str, output: str) -> None:
    written = io.BytesIO()
    screen = io.TextIOWrapper(written, encoding=encoding)
    with serving_pages(lambda _: (VIMS, False)) as address, redirect_stdout(screen), pytest.raises(SystemExit) as ended:
        main(["vim", "list", "-o", output, "--address", address])
    screen.flush()
    text = written.getvalue().decode(encoding)

    assert ended.value.code == 0
    assert "lisbon" in text
    if output == "json":
        assert [vim["name"] for vim in json.loads(text)] == [vim.name for vim in VIMS]
    elif output == "yaml":
        assert [vim["name"] for vim in yaml.safe_load(text)] == [vim.name for vim in VIMS]
    else:
        assert ("東京" in text) is (encoding == "utf-8")
    assert sys.stdout is not screen
