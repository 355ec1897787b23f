"""Sees that what others are told to type or to set is vimesh's own: in documents, units and manifests."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import typer.main

from vimesh.cli.base import command_settings
from vimesh.cli.main import app
from vimesh.domain.settings import CONFIG_VARIABLE, Setting, Sources
from vimesh.files.toml_values import read_toml

SETTINGS: Mapping[str, Setting[Any]] = {setting.variable: setting for setting in command_settings.ALL_SETTINGS}
"""By their names in the environment."""


def check_typed(text: str) -> None:
    """See that the command and its options exist. Values are not checked."""
    command: Any = typer.main.get_command(app)
    words = shlex.split(text, comments=True)[1:]
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, f"no such command: {text}"
        command = command.commands[name]
    options = {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    for word in words:
        if word == "||":
            break
        if word.startswith("-"):
            assert word.partition("=")[0] in options, f"no such option: {text}"


def check_run(arguments: Sequence[str]) -> None:
    """Parse the whole command line of a process, without its program. Raises if vimesh would not take it."""
    command: Any = typer.main.get_command(app)
    words = list(arguments)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    with command.make_context(command.name, words):
        pass


def check_variables(variables: Mapping[str, str]) -> None:
    """See that those of vimesh exist, and have values that it takes."""
    for name, value in variables.items():
        if name.startswith("VIMESH_") and name != CONFIG_VARIABLE:
            assert name in SETTINGS, f"no such setting: {name}"
            Sources({name: value}, {}).read(SETTINGS[name])


def check_toml(text: str) -> None:
    """See that a file of settings has none but those that exist, with values that vimesh takes."""
    for key, value in _flat(read_toml(text), ""):
        check_variables({f"VIMESH_{key.upper().replace('.', '_')}": str(value)})


def _flat(table: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    return [
        pair
        for key, value in table.items()
        for pair in (_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(f"{prefix}{key}", value)])
    ]
