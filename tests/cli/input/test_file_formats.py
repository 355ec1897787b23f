"""What a file of VIMs may look like in each format, and how slips in it are told."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

import pytest
import yaml

from vimesh.cli.input import yaml_file
from vimesh.cli.input.file_entries import FileEntry, Flaw
from vimesh.cli.input.file_formats import Format, read
from vimesh.files.yaml_loader import loader_class

LAB: dict[str, Any] = {"name": "lab", "auth_url": "http://10.0.0.5:5000/v3"}
SECRET = "s3cret-word"
"""Never to be seen in what a command says."""


def entries(format_: Format, text: str | bytes) -> list[FileEntry | Flaw]:
    file: BinaryIO = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    return list(read(format_, file))


SAME = {
    Format.YAML: """
- name: lab
  auth_url: http://10.0.0.5:5000/v3
  auth_cred: {username: "007", password: "a: b"}
- name: edge
  auth_url: http://10.0.0.6:5000/v3
""",
    Format.JSON: """[
{"name": "lab", "auth_url": "http://10.0.0.5:5000/v3",
 "auth_cred": {"username": "007", "password": "a: b"}},

{"name": "edge", "auth_url": "http://10.0.0.6:5000/v3"}
]""",
    Format.JSON_LINES: """
{"name": "lab", "auth_url": "http://10.0.0.5:5000/v3", "auth_cred": {"username": "007", "password": "a: b"}}


{"name": "edge", "auth_url": "http://10.0.0.6:5000/v3"}""",
    Format.CSV: """name,auth_url,auth_cred.username,auth_cred.password
lab,http://10.0.0.5:5000/v3,007,a: b


edge,http://10.0.0.6:5000/v3,,
""",
}


@pytest.mark.parametrize("format_", SAME)
def test_each_format_says_the_same(format_: Format) -> None:
    found = entries(format_, SAME[format_])

    assert found == [
        FileEntry(2, {**LAB, "auth_cred": {"username": "007", "password": "a: b"}}),
        FileEntry(5, {"name": "edge", "auth_url": "http://10.0.0.6:5000/v3"}),
    ]
    assert "a: b" not in repr(found)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("vims:\n  - {name: a}\n  - name: b\n", [2, 3]),
        ("name: a\n---\nname: b\n---\n- name: c\n", [1, 3, 5]),
        ("- &one {name: a}\n- *one\n- <<: *one\n", [1, 2, 3]),
        ("# nothing\n", []),
        ("vims: []\n---\n", []),
    ],
)
def test_yaml_may_have_lists_and_documents(text: str, lines: list[int]) -> None:
    assert [entry.line for entry in entries(Format.YAML, text) if isinstance(entry, FileEntry)] == lines


@pytest.mark.parametrize("text", ["[]", " [ ] \n", '{"vims": []}', '{\n"vims" : [ ] }'])
def test_json_may_hold_nothing(text: str) -> None:
    assert entries(Format.JSON, text) == []


def test_json_may_be_one_vim() -> None:
    assert entries(Format.JSON, ' {"name": "a"} \n') == [FileEntry(1, {"name": "a"}, whole=True)]


def test_json_may_name_the_list() -> None:
    assert entries(Format.JSON, '{"vims": [{"name": "a"},\n{"name": "b"}]}\n') == [
        FileEntry(1, {"name": "a"}),
        FileEntry(2, {"name": "b"}),
    ]


@pytest.mark.parametrize(
    ("format_", "text", "line"),
    [
        (Format.YAML, f"- name: a\n- password: '{SECRET}\n", 3),
        (Format.YAML, f"- name: a\n- password: *{SECRET}\n", 2),
        (Format.YAML, f"- name: a\n- !{SECRET} {{}}\n", 2),
        (Format.YAML, f"- name: a\n- !{SECRET}!x {{}}\n", 2),
        (Format.YAML, f"- name: a\n- !!binary {SECRET}é\n", 2),
        (Format.YAML, b"- name: \xff\n", 1),
        (Format.YAML, "vims: []\nname: a\n", 2),
        (Format.YAML, "- a\n", 1),
        (Format.YAML, "text\n", 1),
        (Format.JSON, f'[{{"name": "a"}},\n{{"password": "{SECRET}"]', 2),
        (Format.JSON, f'[{{"name": "a"}}\n{SECRET}]', 2),
        (Format.JSON, '{"vims": {"name": "a"}}', 1),
        (Format.JSON, '{"name": "a"}\n{}', 2),
        (Format.JSON, '{"vims": [],\n"name": "a"}', 1),
        (Format.JSON, "[]\n[]", 2),
        (Format.JSON, b'[\n"\xff"]', 2),
        (Format.JSON, "[1]", 1),
        (Format.JSON, "[" * 100_000, 1),
        (Format.JSON_LINES, f'{{"name": "a"}}\n{{"password": "{SECRET}"', 2),
        (Format.JSON_LINES, b'{"name": "\xff"}', 1),
        (Format.JSON_LINES, "[]\n", 1),
        (Format.JSON_LINES, f'{{"name": {"1" * 5000}}}', 1),
        (Format.JSON, f'[{{"name": {"1" * 5000}}}]', 1),
        (Format.CSV, "lab,http://10.0.0.5\n", 1),
        (Format.CSV, "name,name\n", 1),
        (Format.CSV, "name,colour.red\n", 1),
        (Format.CSV, "name,extra\n", 1),
        (Format.CSV, "name,colour\na,red\nb,red\n", 1),
        (Format.CSV, "name,probe_policy.colour\na,red\n", 1),
        (Format.CSV, "name,extra.a,extra.a.b\na,1,2\n", 2),
        (Format.CSV, f"name\na,{SECRET}\n", 2),
        (Format.CSV, f'name\na\n"{SECRET}"b\n', 3),
        (Format.CSV, b"name\n\xff\n", 2),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line_and_without_its_text(
    format_: Format, text: str | bytes, line: int
) -> None:
    flaws = [found for found in entries(format_, text) if isinstance(found, Flaw)]

    assert [flaw.line for flaw in flaws] == [line]
    assert SECRET not in str(flaws[0])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"  password: {SECRET}: x\n", "line 2: cannot be read as YAML: mapping values are not allowed"),
        (f"  password: {SECRET}: x\n", " at character 24"),
        (f"- !{SECRET} {{}}\n", "line 2: cannot be read as YAML at character 3"),
        (f"- !{SECRET}!x {{}}\n", "line 2: cannot be read as YAML at character 3"),
        (f"- *{SECRET}\n", "line 2: cannot be read as YAML at character 3"),
    ],
)
@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
def test_of_yaml_the_parsers_words_are_told_without_the_text_that_they_may_quote(
    monkeypatch: pytest.MonkeyPatch, loader: type[object], text: str, said: str
) -> None:
    monkeypatch.setattr(yaml_file, "LOADER", loader_class(loader))

    flaw = entries(Format.YAML, f"- name: a\n{text}")[-1]

    assert said in str(flaw)
    assert SECRET not in str(flaw)


@pytest.mark.parametrize(
    ("format_", "text", "said"),
    [
        (Format.JSON_LINES, '{"name": "a"\n', "line 1: is not JSON: Expecting ',' delimiter at character 13"),
        (Format.JSON_LINES, '{"name": "a"\r\n', "at character 13"),
        (Format.CSV, "name;auth_url\na;http://a\n", "line 1: must separate the columns with commas"),
        (Format.CSV, "name\tauth_url\na\thttp://a\n", "line 1: must separate the columns with commas"),
        (Format.CSV, "name,authurl\na,http://a\n", "column authurl is unknown; did you mean auth_url?"),
        (Format.CSV, "name,probe_policy.fal\na,1\n", "column probe_policy.fal is unknown; did you mean fall?"),
        # JSON with the name of another format: its values may be secret.
        (Format.CSV, 'name, "password": "s3cret"}\n', "column 2 is unknown; known fields: name"),
    ],
)
def test_what_is_wrong_is_said_and_where(format_: Format, text: str, said: str) -> None:
    [flaw] = entries(format_, text)

    assert said in str(flaw)


def test_a_column_without_a_name_may_be_empty() -> None:
    assert entries(Format.CSV, "name,\na,\n") == [FileEntry(2, {"name": "a"})]
