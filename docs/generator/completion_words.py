"""Writes the table of commands and flags by which words are completed, without importing a command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import typer

from vimesh.cli.completion.complete_word import FILES, LABELS, PROFILES, RECEIVERS, SELECTOR, VIMS
from vimesh.cli.main import app
from vimesh.cli.verb_first import ALIASES

_OTHER_NAMES: Final = (*ALIASES, "create", "update", "context")
"""Names that groups may take, beside those that they list."""
_CHOICE = re.compile(r"[a-z0-9-]+(\|[a-z0-9-]+)+")
_STATUSES: Final = ("PENDING", "REACHABLE", "UNREACHABLE", "UNKNOWN")
_KINDS: Final = {
    "VIM": VIMS,
    "VIM KEY=VALUE|KEY-": LABELS,
    "RECEIVER": RECEIVERS,
    "SELECTOR": SELECTOR,
    "STATUS": list(_STATUSES),
    "STATUS|deleted": [*_STATUSES, "deleted"],
    **dict.fromkeys(("FILE", "FILE|FOLDER", "DIR", "FOLDER", "FLEET", "BOOTSTRAP", "CONFIG"), FILES),
}
"""What stands for a value in help, and of which kind it is."""
_OF_PROFILES: Final = ("profile use", "profile set", "profile delete")


def words_text() -> str:
    """Return the table as JSON."""
    return json.dumps(_command(typer.main.get_command(app), ""), indent=1) + "\n"


def _command(command: Any, path: str) -> dict[str, Any]:  # noqa: ANN401 - the library exports no type of commands
    context = command.make_context(path or "vimesh", [], resilient_parsing=True)
    # Sorted, as the library keeps the names of some flags in no order.
    content: dict[str, Any] = {"flags": dict(sorted(_flags(command.get_params(context))))}
    commands: Mapping[str, Any] | None = getattr(command, "commands", None)
    if commands is None:
        arguments = [_argument(each, path) for each in command.params if each.param_type_name == "argument"]
        return {**content, "arguments": arguments} if arguments else content
    found = {name: command.get_command(context, name) for name in _OTHER_NAMES if name not in commands}
    aliases = {name: each.name for name, each in found.items() if each is not None}
    shown = {name: each for name, each in commands.items() if not each.hidden}
    below = {name: _command(each, f"{path} {name}".strip()) for name, each in shown.items()}
    return {**content, "aliases": aliases, "commands": below}


def _flags(parameters: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - as above
    """Yield the names of flags, each with the kind of its value, or None if it has none."""
    for parameter in parameters:
        if parameter.param_type_name == "option" and not parameter.hidden:
            for name in (*parameter.opts, *parameter.secondary_opts):
                yield name, None if parameter.is_flag else _flag_value(parameter)


def _flag_value(parameter: Any) -> Any:  # noqa: ANN401 - as above
    return PROFILES if "--profile" in parameter.opts else _kind(parameter.metavar or "")


def _argument(parameter: Any, path: str) -> Any:  # noqa: ANN401 - as above
    return PROFILES if path in _OF_PROFILES else _kind(parameter.metavar or "")


def _kind(metavar: str) -> Any:  # noqa: ANN401 - JSON
    word = metavar.replace("[", "").replace("]", "").removesuffix("...")
    if word in _KINDS:
        return _KINDS[word]
    choices = re.sub(r"\|[A-Za-z]+[=:][A-Z]+$", "", word)
    return choices.split("|") if _CHOICE.fullmatch(choices) else ""
