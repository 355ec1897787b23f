"""The pages of docs/reference are fresh, complete, and agree with the code that they are made from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generator.commands_page import commands
from docs.generator.contract_comments import parse_comment, services
from docs.generator.errors_page import ADVICE, HTTP_STATUSES, STATUSES_BY_REASON
from docs.generator.make_reference import FOLDER, MAN_FOLDER, PAGES, made_files
from docs.generator.settings_page import flags_by_variable, is_default, shown_defaults
from vimesh.cli.base.command_settings import ALL_SETTINGS
from vimesh.rpc.rpc_table import RPCS

_SERVICES = Path(__file__).parents[1] / "services"
_VARIABLE = re.compile(r"\bVIMESH_[A-Z0-9_]*[A-Z0-9]\b")
_LINK = re.compile(r"\]\(([a-z]+\.md)?#([^)]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_ANCHOR = re.compile(r'<a id="([^"]+)">')


@pytest.fixture(scope="module")
def files() -> dict[Path, str]:
    return dict(made_files())


def test_what_is_committed_is_fresh(files: dict[Path, str]) -> None:
    stale = {str(path) for path, text in files.items() if not path.exists() or path.read_text() != text}

    assert not stale, "make reference"


@pytest.mark.parametrize("folder", [FOLDER, MAN_FOLDER])
def test_what_is_made_is_all_that_there_is(files: dict[Path, str], folder: Path) -> None:
    assert set(folder.iterdir()) == {path for path in files if path.parent == folder}


def test_links_between_the_pages_lead_somewhere() -> None:
    texts = {name: (FOLDER / name).read_text() for name in PAGES if name.endswith(".md")}
    places = {
        name: {heading.lower().replace(" ", "-").replace(".", "") for heading in _HEADING.findall(text)}
        | set(_ANCHOR.findall(text))
        for name, text in texts.items()
    }
    broken = {
        (name, page, place)
        for name, text in texts.items()
        for page, place in _LINK.findall(text)
        if place not in places[page or name]
    }

    assert not broken


def test_every_variable_of_the_code_has_a_row() -> None:
    page = (FOLDER / "settings.md").read_text()
    named = {name for path in _SERVICES.rglob("*.py") for name in _VARIABLE.findall(path.read_text())}

    assert not {name for name in named if f"`{name}`" not in page}


def test_a_default_that_help_shows_is_the_one_that_holds() -> None:
    flags = flags_by_variable()
    wrong = {
        (setting.key, shown)
        for setting in ALL_SETTINGS
        if setting.default not in (None, "", ())  # else help says in words what happens without a value
        for shown in shown_defaults(setting, flags.get(setting.variable, []))
        if _can_be_typed(setting.parse, shown) and not is_default(setting, shown)
    }

    assert not wrong


def _can_be_typed(parse: object, text: str) -> bool:
    assert callable(parse)
    try:
        parse(text)
    except ValueError:
        return False
    return True


def test_every_command_and_flag_says_what_it_is_for() -> None:
    silent = {
        (command.path, flag.usage)
        for command in commands()
        for flag in command.flags
        if not flag.help.strip() or not command.help
    }

    assert not silent


def test_every_rpc_of_the_table_is_in_the_contract() -> None:
    described = {(f"vimesh.v1.{rpc.service}", rpc.method) for service in services() for rpc in service.rpcs}

    assert described == {(rpc.service, rpc.method) for rpc in RPCS}


def test_every_rpc_says_what_it_does_and_whether_to_retry() -> None:
    silent = {
        rpc.method
        for service in services()
        for rpc in service.rpcs
        if not rpc.comment.prose or not (rpc.comment.retry or rpc.comment.as_another)
    }

    assert not silent


def test_comments_name_reasons_with_the_statuses_that_they_have() -> None:
    wrong = {
        (rpc.method, error.status, reason)
        for service in services()
        for rpc in service.rpcs
        for error in rpc.comment.errors
        for reason in error.reasons
        if reason not in STATUSES_BY_REASON or STATUSES_BY_REASON[reason].name != error.status
    }

    assert not wrong


def test_every_reason_has_advice_and_a_status_of_http() -> None:
    assert set(ADVICE) == set(STATUSES_BY_REASON)
    assert set(STATUSES_BY_REASON.values()) <= set(HTTP_STATUSES)


def test_reasons_that_the_front_gives_are_there() -> None:
    given = set(_reasons_of_the_front())

    assert ("ROLE_MISSING", "PERMISSION_DENIED") in given
    assert given - {(reason, status.name) for reason, status in STATUSES_BY_REASON.items()} == {
        ("BAD_INPUT", "RESOURCE_EXHAUSTED"),  # headers that are too large, as the page says
    }


def _reasons_of_the_front() -> Iterator[tuple[str, str]]:
    """Yield the reasons in the code of Envoy's refusals, each with the name of its status."""
    for path in (_SERVICES / "vimesh/envoy").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(
                    func=ast.Name("RefusalStatus"),
                    args=[ast.Attribute(attr=status), _, ast.Constant(str(reason)), *_],
                ):
                    yield reason, status


def test_a_comment_is_taken_apart() -> None:
    comment = parse_comment(
        "Does something\nto a thing.\n\nMore of it.\nNOT_FOUND (VIM_NOT_FOUND): it is\nnot there.\n"
        "ALREADY_EXISTS (NAME_TAKEN, DEFAULT_TAKEN): taken.\n"
        "UNAVAILABLE, or INTERNAL without an ErrorInfo: it broke.\nRetry: safe.\nJSON: not available."
    )

    assert comment.prose == "Does something to a thing.\n\nMore of it."
    assert [(error.status, error.reasons, error.when) for error in comment.errors] == [
        ("NOT_FOUND", ("VIM_NOT_FOUND",), "it is not there."),
        ("ALREADY_EXISTS", ("NAME_TAKEN", "DEFAULT_TAKEN"), "taken."),
        ("UNAVAILABLE, or INTERNAL", (), "it broke."),
    ]
    assert comment.retry == "safe."
    assert parse_comment("Does it.\nOther errors and retries: as GetVim.").as_another == "GetVim"
