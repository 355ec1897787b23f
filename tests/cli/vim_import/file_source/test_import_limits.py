"""What a file of VIMs may ask for. Each text takes much, or fails in a way of its own, where no limit is."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO

import pytest

from tests.support.timing.cpu_limit import cpu_limit
from vimesh.cli.input.file_formats import Format, read
from vimesh.cli.vim_import.file_source.check_file import Plan, check
from vimesh.files import entry_stream
from vimesh.files.file_limits import MAX_COLUMNS, MAX_DEPTH, MAX_DIGITS, MAX_ENTRY_BYTES, MAX_VALUES

_CPU_S = 5.0
_GOOD_YAML = "- name: a\n  auth_url: http://10.0.0.1/\n"
_GOOD_JSON = '{"name": "a", "auth_url": "http://10.0.0.1/"}'
_LONG = "x" * (MAX_ENTRY_BYTES + 1)
_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
_DIGITS = f"holds a number of more than {MAX_DIGITS} digits"


def checked(format_: Format, text: str | bytes) -> Plan:
    file: BinaryIO = io.BytesIO(text if isinstance(text, bytes) else text.encode())
    with cpu_limit(_CPU_S):
        return check(read(format_, file), lambda _: None)


def laughs(item: Callable[[str], str], levels: int = 20) -> str:
    """Return YAML of a VIM in which each level stands for the one below nine times."""
    lines = ["- name: a", "  auth_url: http://10.0.0.1/", "  extra:", f"    l0: &l0 {item('lol')}"]
    lines += [f"    l{level}: &l{level} {item(f'*l{level - 1}')}" for level in range(1, levels)]
    return "\n".join(lines) + "\n"


_ALIASES = {
    "lists": laughs(lambda below: f"[{', '.join([below] * 9)}]"),
    "maps": laughs(lambda below: "{" + ", ".join(f"k{number}: {below}" for number in range(9)) + "}"),
    "merges": laughs(lambda below: "{k: 1}" if below == "lol" else f"{{<<: [{', '.join([below] * 9)}]}}"),
    "texts": "- name: a\n  extra:\n    l: &l " + "x" * 100_000 + "\n    m: [" + ", ".join(["*l"] * 1000) + "]\n",
}


@pytest.mark.parametrize("text", _ALIASES.values(), ids=_ALIASES)
def test_aliases_count_as_what_they_stand_for(text: str) -> None:
    [flaw] = checked(Format.YAML, text).flaws

    assert f"holds more than {MAX_VALUES} values" in str(flaw) or f"more than {MAX_ENTRY_BYTES} char" in str(flaw)


def test_the_smallest_text_of_aliases_is_refused_with_its_line() -> None:
    text = laughs(lambda below: f"[{','.join([below] * 9)}]", 8)

    assert len(text) < 460
    [flaw] = checked(Format.YAML, text).flaws
    assert flaw.line in range(5, 13)
    assert f"holds more than {MAX_VALUES} values" in flaw.description


_YAML = {
    "an alias to itself": ("- &a [*a]\n", 1, "has an alias inside its own anchor"),
    "an alias to itself in a merge": ("- &a {<<: *a}\n", 1, "has an alias inside its own anchor"),
    "lists in lists": (f"{_GOOD_YAML}- {'[' * 100_000}", 3, "nest"),
    "maps in maps": (f"{_GOOD_YAML}- {'{a: ' * 100_000}", 3, "nest"),
    "an indentation in another": ("\n".join(" " * level + "- " for level in range(1000)), 34, _DEEP),
    "a long scalar": (f"{_GOOD_YAML}- name: {_LONG}\n", 3, f"more than {MAX_ENTRY_BYTES} characters"),
    "a long scalar in many lines": (f"{_GOOD_YAML}- name: |\n" + "    x\n" * 400_000, 3, "is longer than"),
    "a quote without end": (f'{_GOOD_YAML}- name: "{_LONG * 2}', 3, f"is longer than {MAX_ENTRY_BYTES} bytes"),
    "a long comment": (f"{_GOOD_YAML}#{_LONG * 2}\n- name: b\n", 1, f"is longer than {MAX_ENTRY_BYTES} bytes"),
    "many values": ("- name: a\n  extra: [" + "1, " * MAX_VALUES + "1]\n", 2, f"more than {MAX_VALUES} values"),
    "a number of many digits": (f"{_GOOD_YAML}- name: {'9' * 5000}\n", 3, _DIGITS),
    "a hexadecimal number": (f"{_GOOD_YAML}- name: 0x{'f' * 100_000}\n", 3, _DIGITS),
    "an octal number": (f"{_GOOD_YAML}- name: 0{'7' * 100_000}\n", 3, _DIGITS),
    "a number to the base of 60": (f"{_GOOD_YAML}- name: 1{':1' * 400_000}\n", 3, _DIGITS),
    "a fraction to the base of 60": (f"{_GOOD_YAML}- name: 1{':1' * 400_000}.5\n", 3, _DIGITS),
    "a day that is none": (f"{_GOOD_YAML}- name: 2001-99-99\n", 3, "does not match its tag"),
    "a zone that is none": (f"{_GOOD_YAML}- name: 9999-12-31 23:59:59 -99:59\n", 3, "does not match its tag"),
    "no boolean": (f"{_GOOD_YAML}- name: !!bool maybe\n", 3, "does not match its tag"),
    "no number": (f"{_GOOD_YAML}- name: !!int ''\n", 3, "does not match its tag"),
    "no time": (f"{_GOOD_YAML}- name: !!timestamp soon\n", 3, "does not match its tag"),
    "a list that claims to be a number": (f"{_GOOD_YAML}- name: !!int [1]\n", 3, "cannot be read"),
    "a call": (f"{_GOOD_YAML}- !!python/object/apply:os.system [id]\n", 3, "cannot be read as YAML"),
    "a key twice": (f"{_GOOD_YAML}  name: b\n", 3, "has a duplicate key in a mapping"),
    "a NUL": (f"{_GOOD_YAML}- name: '\0'\n", 3, "control characters are not allowed"),
    "half a character": (f'{_GOOD_YAML}- name: "\\ud800"\n', 3, "cannot be read as YAML"),
    "no UTF-8": (_GOOD_YAML.encode() + b"- name: \xff\n", 3, "cannot be read as YAML"),
}


@pytest.mark.parametrize(("text", "line", "said"), _YAML.values(), ids=_YAML)
def test_yaml_that_asks_for_too_much_is_refused_at_its_line(text: str | bytes, line: int, said: str) -> None:
    [flaw] = checked(Format.YAML, text).flaws

    assert (flaw.line, said in flaw.description) == (line, True), str(flaw)[:500]


_JSON = {
    "lists in lists": ('{"name": ' + "[" * 100_000, _DEEP),
    "lists in lists that end": ('{"extra": ' + "[" * 500 + "]" * 500 + "}", _DEEP),
    "many values": ('{"extra": [' + "0," * MAX_VALUES + "0]}", f"holds more than {MAX_VALUES} values"),
    "an integer": ('{"fall": ' + "9" * 4000 + "}", _DIGITS),
    "a fraction": ('{"fall": 0.' + "9" * 4000 + "}", _DIGITS),
    "a number above the largest": ('{"fall": 1e999}', "holds a number that is not finite"),
    "no number": ('{"fall": NaN}', "NaN is not allowed"),
    "no end": ('{"fall": -Infinity}', "-Infinity is not allowed"),
    "a key twice": ('{"name": "a", "name": "b"}', "has a duplicate key in an object"),
    "a NUL": ('{"name": "\0"}', "is not JSON"),
    "a text that is too long": (f'{{"name": "{_LONG}"}}', f"is longer than {MAX_ENTRY_BYTES}"),
    "a text that is much too long": (f'{{"name": "{_LONG * 5}"}}', f"is longer than {MAX_ENTRY_BYTES}"),
    "much white space": (f'{{"name":{" " * MAX_ENTRY_BYTES * 4} "a"}}', f"is longer than {MAX_ENTRY_BYTES}"),
}


@pytest.mark.parametrize(("text", "said"), _JSON.values(), ids=_JSON)
def test_json_that_asks_for_too_much_is_refused_at_its_line(text: str, said: str) -> None:
    [flaw] = checked(Format.JSON, f"[{_GOOD_JSON},\n\n{text}]").flaws
    [of_lines] = checked(Format.JSON_LINES, f'{_GOOD_JSON}\n\n{text}\n{_GOOD_JSON[:-1]}, "project": "b"}}\n').flaws

    assert (flaw.line, said in flaw.description) == (3, True), str(flaw)[:500]
    assert (of_lines.line, said in of_lines.description) == (3, True), str(of_lines)[:500]


def test_a_line_that_is_too_long_does_not_keep_the_next_from_being_read() -> None:
    plan = checked(Format.JSON_LINES, f"{_LONG * 3}\n{_GOOD_JSON}\n")

    assert [flaw.line for flaw in plan.flaws] == [1]
    assert [waiting.line for waiting in plan.waiting] == [2]


_CSV = {
    "a field": (f"name,auth_url\n{'x' * 200_000},http://a\n", 2, "field larger than field limit (131072)"),
    "a line": (f"name,auth_url\na,http://a\n{'x,' * MAX_ENTRY_BYTES}\n", 3, f"is longer than {MAX_ENTRY_BYTES} bytes"),
    "a row of many lines": ("name,auth_url\na,http://a\n" + '"x\n",' * 400_000, 3, f"longer than {MAX_ENTRY_BYTES}"),
    "columns": ("name" + ",x" * MAX_COLUMNS + "\n", 1, f"has more than {MAX_COLUMNS} columns"),
    "dots": (f"name,extra{'.x' * 1000}\na,1\n", 1, _DEEP),
    "a long name of a column": (f"name,{'x' * 100_000}\na,1\n", 1, f"column {'x' * 50} is unknown"),
    "a quote without end": ('name,auth_url\na,"http://a\nb,http://b\n', 2, "a quote is never closed"),
    "a column that is part of another": ("name,extra.a.b,extra.a\na,1,2\n", 2, "conflicts with another column"),
    "a huge number": (f"name,auth_url,fall\na,http://a,{'9' * 5000}\n", 2, "fall must be a whole number"),
}


@pytest.mark.parametrize(("text", "line", "said"), _CSV.values(), ids=_CSV)
def test_csv_that_asks_for_too_much_is_refused_at_its_line(text: str, line: int, said: str) -> None:
    [flaw] = checked(Format.CSV, text).flaws

    assert (flaw.line, said in flaw.description) == (line, True), str(flaw)[:500]
    assert len(str(flaw)) < 1000


class Endless(io.RawIOBase):
    """A pipe that somebody goes on writing into."""

    def __init__(self, begin: bytes, part: bytes) -> None:
        self._part = part
        self._rest = begin

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # any buffer
        while len(self._rest) < len(buffer):
            self._rest += self._part * (len(buffer) // len(self._part) + 1)
        buffer[:] = self._rest[: len(buffer)]
        self._rest = self._rest[len(buffer) :]
        return len(buffer)


@pytest.mark.parametrize(
    ("format_", "begin", "part"),
    [
        (Format.YAML, b"", b"---\n"),
        (Format.YAML, b"", b"# nothing\n"),
        (Format.YAML, b"", b"- name: a\n"),
        (Format.YAML, b"- ", b"x"),
        (Format.JSON, b"[", b" "),
        (Format.JSON, b"[", b'{"name": "a"},'),
        (Format.JSON, b'["', b"x"),
        (Format.JSON_LINES, b"", b"\n"),
        (Format.JSON_LINES, b"", b'{"name": "a"}\n'),
        (Format.JSON_LINES, b"", b"x"),
        (Format.CSV, b"name\n", b"\n"),
        (Format.CSV, b"name\n", b"a\n"),
        (Format.CSV, b"name\n", b'"x\n",'),
        *((format_, b"", b"\0") for format_ in Format if format_ is not Format.OPENRC),
    ],
)
def test_a_file_without_end_is_given_up(
    monkeypatch: pytest.MonkeyPatch, format_: Format, begin: bytes, part: bytes
) -> None:
    monkeypatch.setattr(entry_stream, "MAX_FILE_BYTES", 4 * MAX_ENTRY_BYTES)
    monkeypatch.setattr("vimesh.cli.input.file_formats.MAX_ENTRIES", 1000)
    monkeypatch.setattr("vimesh.cli.input.yaml_file.MAX_ENTRIES", 1000)
    monkeypatch.setattr("vimesh.files.stream_lines.MAX_LINES", 1000)

    with cpu_limit(_CPU_S):
        flaws = list(read(format_, io.BufferedReader(Endless(begin, part))))

    assert flaws
