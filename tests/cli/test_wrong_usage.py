"""One rule for all commands: a value that its flag cannot have ends with 2, and the message begins with the flag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import typer.main

from tests.support.callers.commands import Command
from vimesh.cli.main import app

_WRONG: Mapping[str, str] = {
    "DURATION": "soon",
    "N": "many",
    "TIME": "someday",
    "DATE": "someday",
    "SIZE": "huge",
    "HOST:PORT": "nowhere",
    "NETWORK": "nowhere",
    "COLUMN": "NO_SUCH",
    "I/N": "9/3",
    "KEY=VALUE": "=",
    "SELECTOR": "=",
    "FROM": "someday",
}
"""A wrong value for flags by what their help says that they take; choices are told by their `|`."""
_FITTING: Mapping[str, str] = {
    "STATUS|deleted": "REACHABLE",
    "ROLE": "reader",
    "[VIM] KEY=VALUE|KEY-...": "a=b",
}


def commands(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - the library's own
    below = getattr(command, "commands", {})
    if not below:
        yield words, command
    for name in below:
        yield from commands(below[name], *words, name)


def wrong_value(parameter: Any) -> str | None:  # noqa: ANN401 - as above
    """Return a value that the flag cannot have; None: it takes any text, or what only a fleet can judge."""
    metavar = parameter.metavar or ""
    if metavar in _WRONG:
        return _WRONG[metavar]
    choices = metavar.split("|")
    return "no-such-word" if len(choices) > 1 and all(each.islower() for each in choices[:-1]) else None


def needed(command: Any, but: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    for parameter in command.params:
        if parameter.required and parameter is not but:
            value = _FITTING.get(parameter.metavar or "", "x")
            yield from (value,) if parameter.param_type_name == "argument" else (parameter.opts[0], value)


_BESIDE: Mapping[tuple[str, ...], Sequence[str]] = {
    ("vim", "register"): ("x", "--auth-url", "http://h"),
    ("vim", "set"): ("--description", "x"),
    ("vim", "import"): ("x.yaml",),
    ("vim", "label"): ("a=b",),
    ("vim", "label", "--selector"): (),
    ("maintenance", "start"): ("x", "--for", "1h"),
    ("maintenance", "start", "--until"): ("x",),
    ("receiver", "create"): ("x",),
    ("receiver", "modify"): ("--name", "x"),
    ("conductor",): ("--database-url", "sqlite:///x.sqlite", "--key-file", "x"),
    ("api",): ("--engine", "mistral", "--mistral-url", "http://127.0.0.1:9/v2"),
    ("bridge",): ("--transport-url", "rabbit://guest:guest@127.0.0.1:9/"),
    ("workflows", "audit"): ("--mistral-url", "http://127.0.0.1:9/v2"),
    ("certs", "token"): ("--project", "x"),
    ("import", "tacker"): ("--database-url", "mysql+pymysql://t@127.0.0.1:9/t", "--fernet-keys", "."),
}
"""What a command needs beside the flag, so that the flag is all that is wrong."""
_JUDGED_BY_FLEETS = frozenset({("vim", "register", "--type"), ("vim", "set", "--type")})


@pytest.mark.parametrize(
    ("words", "command"), [pytest.param(*each, id="-".join(each[0])) for each in commands(typer.main.get_command(app))]
)
def test_a_wrong_value_is_wrong_usage_and_names_its_flag(vimesh: Command, words: tuple[str, ...], command: Any) -> None:  # noqa: ANN401 - as above
    flags = {flag for parameter in command.params for flag in parameter.opts}
    for parameter in command.params:
        name, value = max(parameter.opts, key=len), wrong_value(parameter)
        if parameter.param_type_name != "option" or value is None or (*words, name) in _JUDGED_BY_FLEETS:
            continue
        beside = list(_BESIDE.get((*words, name), _BESIDE.get(words, ())))
        if name in beside:
            del beside[beside.index(name) : beside.index(name) + 2]
        address = ("--address", "127.0.0.1:9") if "--address" in flags and name != "--address" else ()
        done = vimesh(*words, *needed(command, parameter), *beside, name, value, *address)

        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"error: {name}: "), done.err
