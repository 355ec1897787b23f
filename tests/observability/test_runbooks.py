"""Each alert has its page, and what the pages tell people to type, to set and to look at exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.shell_blocks import SHELL, blocks
from tests.support.callers.command_lines import SETTINGS, check_typed
from tests.support.observability.rule_files import ROOT, RUNBOOKS, AlertRule, alert_rules
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Engine, Status

_PAGES = sorted(RUNBOOKS.glob("*.md"))
_OPERATING = ROOT / "docs/operating/monitoring.md"
_EACH = pytest.mark.parametrize("page", [*_PAGES, _OPERATING], ids=lambda page: page.stem)
_SECTIONS = ("## Check", "## Mend")
_CODE = re.compile(r"`([^`\n]+)`")
_VARIABLE = re.compile(r"\bVIMESH_[A-Z_]+\b")
_WORD = re.compile(r"[A-Z][A-Z_]*[A-Z]")
_UNIT = re.compile(r"\bvimesh-(?:conductor|monitor|api|bridge)\b")
_MESSAGE = re.compile(r"-e '([^']+)'")
_STATUSES = {"UNAVAILABLE"}
"""Of gRPC."""


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule.name)
def test_an_alert_has_its_page(rule: AlertRule) -> None:
    text = rule.runbook.read_text()

    assert text.startswith(f"# {rule.name}\n\n**What it means.** ")
    assert "\n**What users notice.** " in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == list(_SECTIONS)


@pytest.mark.parametrize("rule", alert_rules(), ids=lambda rule: rule.name)
def test_the_document_lists_each_alert(rule: AlertRule) -> None:
    row = f"| [{rule.name}](../runbooks/{rule.runbook.name}) | {rule.labels['severity']} | "

    assert row in _OPERATING.read_text()


def test_a_page_has_its_alert() -> None:
    assert {rule.runbook for rule in alert_rules()} == set(_PAGES)
    assert len(alert_rules()) == len(_PAGES)


@_EACH
def test_commands_of_vimesh_exist(page: Path) -> None:
    for command in _commands(page):
        check_typed(command)


@pytest.mark.parametrize("command", ["vimesh vim mend lab", "vimesh vim list --sorted", "vimesh monitor --adress x:1"])
def test_commands_that_do_not_exist_are_noticed(command: str) -> None:
    with pytest.raises(AssertionError, match="no such"):
        check_typed(command)


@_EACH
def test_settings_exist(page: Path) -> None:
    assert set(_VARIABLE.findall(page.read_text())) <= set(SETTINGS)


@_EACH
def test_words_of_the_contract_exist(page: Path) -> None:
    known = {str(word) for kind in (Status, Engine, Method) for word in kind} | _STATUSES
    known |= {value for name, value in vars(Reason).items() if not name.startswith("_")}
    words = {code for code in _CODE.findall(page.read_text()) if _WORD.fullmatch(code)}

    assert {word for word in words if not word.startswith("VIMESH_")} <= known


@_EACH
def test_units_and_messages_exist(page: Path) -> None:
    text = page.read_text()
    code = "\n".join(path.read_text() for path in (ROOT / "services/vimesh").rglob("*.py"))

    for unit in set(_UNIT.findall(text)):
        assert (ROOT / "deploy/systemd" / f"{unit}.service").is_file()
    for message in _MESSAGE.findall(text):
        assert f'"{message}' in code, message


@_EACH
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / target).resolve().exists(), target


def _commands(page: Path) -> Iterator[str]:
    typed = [
        line
        for block in blocks(page)
        if block.language in SHELL
        for command in block.commands
        for line in [command.typed]
    ]
    yield from (text for text in (*typed, *_CODE.findall(page.read_text())) if text.startswith("vimesh "))
