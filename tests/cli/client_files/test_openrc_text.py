"""What is read of shell scripts, and what only a shell could tell."""

from __future__ import annotations

import contextlib
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.timing.cpu_limit import cpu_limit
from vimesh.cli.client_files.openrc_text import read_assignments
from vimesh.files.file_errors import BadFile
from vimesh.files.file_limits import MAX_SETTINGS_BYTES


def value(text: str) -> str | None:
    return read_assignments(text, "/home/u")["A"].value


SAME = [
    "A=plain",
    "export A='single $x `y` \\z'",
    'export A="double \\" \\$ \\\\ \\n end"',
    "A=a\\ b\\#c",
    "A=x#y # comment",
    "A='one'\"two\"three",
    'B=b; A="$B-${B}c"',
    "export B=1 A=2",
    "A='two\nlines'",
    "A=one\\\ntwo",
    "A=1; A=2",
    "A=",
    "A=$",
    'A="$"',
    "A=x;B=y",
    "A=~/ca.pem",
    "A=$HOME/x",
    "declare -x A=b",
    "A=1\nunset B",
    "A='b'; if [ -z \"$A\" ]; then unset A; fi",
    "A=b; B=c true",
]


@pytest.mark.parametrize("text", SAME)
def test_a_value_is_what_a_shell_makes_of_it(text: str) -> None:
    script = f'{text}\nprintf %s "$A"'
    shell = subprocess.run(
        ["/bin/bash", "--norc", "-c", script], env={"HOME": "/home/u"}, capture_output=True, check=True, text=True
    )

    assert value(text) == shell.stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("A=$(id)", "runs a command"),
        ("A=`id`", "runs a command"),
        ('A="x$(echo ")" \'(\')y"', "runs a command"),
        ("A=${B:-x}", "has an expansion of the shell"),
        ("A=$1", "has an expansion of the shell"),
        ("A=$'x'", "has a quote of bash that starts with $"),
        ("A=$B", "refers to B, which the file does not set"),
        ("read -sr B\nA=$B", "is asked for when the file is sourced"),
        ("read -p 'Password: ' A", "is asked for when the file is sourced"),
        ("if true; then A=1; fi", "is set only under a condition"),
        ("f() { A=1; }", "is set only under a condition"),
        ("f() {\n  A=1\n}", "is set only under a condition"),
        ("(A=1)", "is set only under a condition"),
        ("true && A=1", "is set only under a condition"),
        ("for x in a b; do A=$x; done", "is set only under a condition"),
        ("case $x in a) A=1;; esac", "is set only under a condition"),
        ('A=1\nif [ -n "$B" ]; then unset A; fi', "is unset only under a condition"),
        ("A=1\nfor k in $(set); do unset $k; done", "may be unset by a loop"),
    ],
)
def test_what_needs_a_shell_is_not_guessed(text: str, why: str) -> None:
    found = read_assignments(text, "/home/u")["A"]

    assert found.value is None
    assert found.why.startswith(why)


@pytest.mark.parametrize("text", ["A=1 true", "A=1\nunset A", "echo A=1", "# A=1", "export A"])
def test_what_is_not_left_set_is_not_read(text: str) -> None:
    assert "A" not in read_assignments(text, "")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("\nA='x", 2, "never ends"),
        ('A="x', 1, "never ends"),
        ("A=$(x", 1, "never ends"),
        ("A=`x", 1, "never ends"),
        ("cat <<E\nA=1\nE", 1, "here-document"),
        ("\nsetenv A 1", 2, "csh"),
    ],
)
def test_what_is_no_script_for_sh_is_refused_at_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(BadFile, match=said) as bad:
        read_assignments(text, "")

    assert bad.value.line == line


_BOMB = "A=" + "x" * 1000 + "\n" + "A=$A$A$A$A$A$A$A$A\n" * 50


@pytest.mark.parametrize("text", [_BOMB, "A=" + "$(" * 20_000, 'A="' + "$(" * 20_000, 'A="' + "`" * 60_001])
def test_a_script_that_asks_for_too_much_is_refused(text: str) -> None:
    with cpu_limit(5.0), pytest.raises(BadFile):
        read_assignments(text, "")


@pytest.mark.parametrize("text", ["(" * MAX_SETTINGS_BYTES, "A=" + "\\" * 60_000, "A=" + "`" * 60_000, "A= " * 20_000])
def test_a_script_takes_no_longer_than_its_length(text: str) -> None:
    with cpu_limit(5.0):
        read_assignments(text, "")


@given(st.text("A=$'\"`\\ ;(){}<>&|#\nexport unset read if then fi", max_size=60))
@example("A=\\")
@example('A="\\')
def test_no_text_breaks_it(text: str) -> None:
    with contextlib.suppress(BadFile):
        read_assignments(text, "")
