"""Templates with JSONPaths, as people know them from kubectl."""

from __future__ import annotations

import pytest

from vimesh.cli.formats.json_path import json_path
from vimesh.domain.settings import BadFlag

VIM = {"name": "lisbon", "labels": {"region": "eu", "a.b": "c"}, "probe": {"fall": 3}, "open": True, "none": None}


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("{.name}", "lisbon\n"),
        ("{$.name}", "lisbon\n"),
        ("{name}", "lisbon\n"),
        ("{.labels['a.b']}", "c\n"),
        ("{.probe}", '{"fall": 3}\n'),
        ("{.open} {.none} {.probe.fall}", "true null 3\n"),
        ("VIM {.name} in {.labels.region}", "VIM lisbon in eu\n"),
        ('{.name}{"\\t{}\\n"}', "lisbon\t{}\n"),
        ("{.nothing}", ""),
        ("$.name", "lisbon\n"),
        (".labels.*", "eu\nc\n"),
        ("{range .labels.*}{.}{.a};{end}", "eu;c;\n"),
    ],
)
def test_one_thing_is_printed(expression: str, printed: str) -> None:
    assert json_path(expression).text(VIM) == printed


def test_ranges_may_stand_in_ranges() -> None:
    vims = [{"name": name, "tags": [{"key": key} for key in keys]} for name, keys in (("a", "xy"), ("b", "z"))]
    expression = "{range .items[*]}{.name}:{range .tags[*]} {@.key}{end};{end}"

    assert json_path(expression).text(vims) == "a: x y;b: z;\n"


@pytest.mark.parametrize(
    "expression", ["{", "}", "{.a", "{.a}}", "{end}", "{range .a}", "{.a[}", "$[", '{"\\q"}', "{" * 4000]
)
def test_what_is_no_template_is_refused(expression: str) -> None:
    with pytest.raises(BadFlag, match=r"^--output: "):
        json_path(expression)
