"""In which formats, columns and order lists are printed: the same for all of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Generator
from typing import Any

import pytest
import typer.main
import yaml

from tests.support.callers.commands import Command, Ended
from tests.support.callers.pages_server import serving_pages
from vimesh.cli.main import app
from vimesh.v1.vim_pb2 import Vim

VIMS = [
    Vim(id="b0b1a5c0-0000-4000-8000-000000000001", name="porto", type="openstack", status=Vim.REACHABLE),
    Vim(id="b0b1a5c0-0000-4000-8000-000000000002", name="lab, old", type="kubernetes", status=Vim.UNREACHABLE),
    Vim(id="b0b1a5c0-0000-4000-8000-000000000003", name="lisbon", type="openstack", status=Vim.UNKNOWN),
]
VIMS[0].labels["region"] = "eu"
VIMS[1].status_time.FromJsonString("2026-10-31T12:00:00Z")


@pytest.fixture(scope="module")
def address() -> Generator[str]:
    """Give a server that lists one VIM a page."""
    with serving_pages(lambda number: (VIMS[number : number + 1], number + 1 < len(VIMS))) as served:
        yield served


@pytest.fixture
def listed(vimesh: Command, address: str) -> Any:  # noqa: ANN401 - a function
    def run(*flags: str, **environment: str) -> Ended:
        return vimesh("vim", "list", "--address", address, *flags, **environment)

    return run


def test_names_are_printed_alone(listed: Any) -> None:  # noqa: ANN401 - as above
    assert listed("-o", "name").out == "porto\nlab, old\nlisbon\n"


def test_csv_has_times_instead_of_ages_and_quotes_what_has_commas(listed: Any) -> None:  # noqa: ANN401 - as above
    rows = list(csv.DictReader(io.StringIO(listed("-o", "csv").out)))

    assert [row["NAME"] for row in rows] == ["porto", "lab, old", "lisbon"]
    assert [row["SINCE"] for row in rows] == ["", "2026-10-31T12:00:00Z", ""]
    assert "PROBE" in rows[0]


def test_wide_tables_have_more_columns(listed: Any) -> None:  # noqa: ANN401 - as above
    narrow, wide = (listed("-o", word).out.splitlines()[0].split() for word in ("table", "wide"))

    assert narrow == ["ID", "NAME", "TYPE", "STATUS", "REASON", "SINCE", "AUTH_URL"]
    assert wide[: len(narrow)] == narrow
    assert {"PROJECT", "PROBE", "DESCRIPTION", "MAINTENANCE"} < set(wide)
    assert listed("--long").out.splitlines()[0].split() == wide


def test_columns_are_those_that_are_named_in_their_order(listed: Any) -> None:  # noqa: ANN401 - as above
    assert listed("-c", "status", "-c", "NAME", "--no-headers", "-o", "csv").out == (
        'REACHABLE,porto\nUNREACHABLE,"lab, old"\nUNKNOWN,lisbon\n'
    )
    table = listed("-c", "LABELS", "-c", "NAME").out.splitlines()
    assert table[0].split() == ["LABELS", "NAME"]
    assert table[1].split() == ["region=eu", "porto"]


def test_rows_are_sorted_by_a_column_before_the_limit_counts(listed: Any) -> None:  # noqa: ANN401 - as above
    assert listed("--sort-by", "name", "-o", "name").out == "lab, old\nlisbon\nporto\n"
    assert listed("--sort-by", "STATUS desc", "-o", "name", "--limit", "2").out == "lab, old\nlisbon\n"
    assert [vim["name"] for vim in listed("--sort-by", "NAME", "-o", "json").json] == ["lab, old", "lisbon", "porto"]


def test_pages_make_one_array(listed: Any) -> None:  # noqa: ANN401 - as above
    text = listed("-o", "json").out

    assert [vim["name"] for vim in json.loads(text)] == ["porto", "lab, old", "lisbon"]
    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    assert yaml.safe_load(listed("-o", "yaml").out) == json.loads(text)


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("{.items[*].name}", "porto lab, old lisbon\n"),
        ('{.items[?(@.status=="REACHABLE")].name}', "porto\n"),
        (
            "{range .items[*]}{.name}: {.status}{'\\n'}{end}",
            "porto: REACHABLE\nlab, old: UNREACHABLE\nlisbon: UNKNOWN\n",
        ),
        ("$[*].name", "porto\nlab, old\nlisbon\n"),
        ("$[0].labels", '{"region": "eu"}\n'),
        ("$[7].name", ""),
    ],
)
def test_a_jsonpath_prints_what_it_selects(listed: Any, expression: str, printed: str) -> None:  # noqa: ANN401 - as above
    assert listed("-o", f"jsonpath={expression}").out == printed


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("-o", "xml"), "--output: must be one of table, wide, name, csv, json, yaml, jsonpath=EXPR, not 'xml'"),
        (("-o", "jsonpath={.items[}"), "--output: '$.items[' is no JSONPath: "),
        (("-o", "jsonpath={.items"), "--output: a brace is not closed in '{.items'"),
        (("-o", "jsonpath={range .items[*]}{.name}"), "--output: {range} has no {end}"),
        (("-o", "jsonpath={end}"), "--output: {end} ends no {range}"),
        (("-c", "COLOUR"), "--column: must be one of ID, NAME, "),
        (("--sort-by", "COLOUR"), "--sort-by: must be one of ID, NAME, "),
        (("-c", "NAME", "-o", "json"), "--column: is for tables and CSV, not for --output json"),
        (("--no-headers", "-o", "name"), "--no-headers: is for tables and CSV, not for --output name"),
    ],
)
def test_a_wrong_format_is_wrong_usage_and_costs_no_call(
    vimesh: Command, flags: tuple[str, ...], complaint: str
) -> None:
    done = vimesh("vim", "list", "--address", "127.0.0.1:9", *flags)

    assert (done.code, done.out) == (2, "")
    assert f"error: {complaint}" in done.err


def test_a_format_for_all_commands_is_a_table_where_there_is_none(vimesh: Command, listed: Any) -> None:  # noqa: ANN401 - as above
    assert listed(VIMESH_OUTPUT="name").out.startswith("porto\n")
    assert vimesh("version", "--client", VIMESH_OUTPUT="name").out.startswith("PART ")
    assert "--output: must be one of table, json, yaml, jsonpath=EXPR" in vimesh("version", "-o", "name").err


def test_a_list_without_items_is_one(vimesh: Command) -> None:
    with serving_pages(lambda _: ((), False)) as empty:
        printed = {word: vimesh("vim", "list", "--address", empty, "-o", word).out for word in ("json", "yaml", "name")}
        table = vimesh("vim", "list", "--address", empty).out

    assert printed == {"json": "[]\n", "yaml": "[]\n", "name": ""}
    assert table.split()[:2] == ["ID", "NAME"]
    assert len(table.splitlines()) == 1


LISTS = [
    ("vim", "list"),
    ("vim", "events"),
    ("maintenance", "list"),
    ("monitors", "list"),
    ("causes", "list"),
    ("receiver", "list"),
    ("notification", "list"),
    ("profile", "list"),
    ("certs", "list"),
    ("workflows", "audit"),
]


@pytest.mark.parametrize("words", LISTS)
def test_every_list_has_the_same_flags(words: tuple[str, str]) -> None:
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.commands[word]
    flags = {flag for parameter in command.params for flag in parameter.opts}
    [output] = [parameter for parameter in command.params if "--output" in parameter.opts]

    assert {"--output", "--column", "-c", "--no-headers", "--sort-by"} <= flags
    assert output.metavar == "table|wide|name|csv|json|yaml|jsonpath=EXPR"


def test_no_list_is_forgotten_above() -> None:
    groups: Any = typer.main.get_command(app)
    lists = {(name, "list") for name, group in groups.commands.items() if "list" in getattr(group, "commands", {})}

    assert lists <= set(LISTS)
