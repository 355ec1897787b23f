"""No regular expression takes more than linear time, whatever a peer sends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.regexes.expressions import NotExamined, Use, uses_in
from tests.support.regexes.growth import superlinear

SERVICES = Path(__file__).parents[1] / "services"
NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"


@pytest.mark.parametrize("use", uses_in(SERVICES, "vimesh"), ids=str)
def test_an_expression_takes_linear_time(use: Use) -> None:
    costly = superlinear(use.expression, use.method)

    assert costly is None, f"{use}: {costly}"


@pytest.mark.parametrize(
    ("expression", "method"),
    [
        (re.compile(rb"(%b):[ \t]*([^\r\n\x00]*?)[ \t]*" % NAME), "fullmatch"),
        (re.compile(r"\s+$"), "search"),
        (re.compile(r"\s*(?:=|\S)"), "finditer"),
        (re.compile(r'"(?:[^"\\]|\\.)*"|\S'), "finditer"),
        (re.compile(r"(a+)+"), "fullmatch"),
        (re.compile(r"(?:\w+\s?)*"), "fullmatch"),
        (re.compile(r"[a-z]*[a-m]*x"), "match"),
        (re.compile(r"(.*),(.*),(.*)!"), "match"),
        (re.compile(r"begin.*end", re.DOTALL), "sub"),
    ],
)
def test_what_takes_more_is_noticed(expression: re.Pattern[str] | re.Pattern[bytes], method: str) -> None:
    assert superlinear(expression, method)


def test_each_way_to_apply_an_expression_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open_expressions").mkdir()
    (tmp_path / "open_expressions" / "module.py").write_text(
        "import re\n"
        "_A = 'a'\n"
        "_TWICE = re.compile(_A + '2')\n"
        "_BOUND = re.compile('b').fullmatch\n"
        "_GIVEN = re.compile('g')\n"
        "def take(taken: re.Pattern[str]): taken.split('')\n"
        "def run(): return _TWICE.match(''), _TWICE.sub('', ''), _BOUND(''), take(_GIVEN), re.search('s', '')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    found = {(use.expression.pattern, use.method) for use in uses_in(tmp_path, "open_expressions")}

    assert found == {("a2", "match"), ("a2", "sub"), ("b", "fullmatch"), ("g", "split"), ("s", "search")}


@pytest.mark.parametrize(
    "source",
    [
        "from re import compile",
        "import re as regular",
        "import re\nPUBLIC = re.compile('a')",
        "import re\n_unused = re.compile('a')",
        "import re\n_given = re.compile('a')\nprint(_given)",
        "import re\n_kept = [re.compile('a')]",
        "import re\ndef f(a): return re.compile(a).match('')",
        "import re\ndef f(a): return re.search(a, '')",
        "import re\ndef f(a): return re.search('a', '', flags=re.S)",
    ],
)
def test_no_expression_escapes_notice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    (tmp_path / "hidden_expressions").mkdir()
    (tmp_path / "hidden_expressions" / "module.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(NotExamined):
        uses_in(tmp_path, "hidden_expressions")
