"""Writes the table of commands and flags by which words are completed, without importing a command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import typer

from vimesh.cli.causes.causes_commands import CAUSES
from vimesh.cli.commands.audit_workflows import FINDINGS
from vimesh.cli.completion.complete_word import (
    FILES,
    FILTER,
    FILTER_FIELDS,
    LABELS,
    PROFILES,
    PROJECTS,
    RECEIVERS,
    SELECTOR,
    VIMS,
)
from vimesh.cli.main import app
from vimesh.cli.maintenance.window_output import WINDOWS
from vimesh.cli.monitors.monitors_commands import MONITORS
from vimesh.cli.notifications import receiver_output
from vimesh.cli.output import event_lines, history_plot, vim_columns
from vimesh.cli.output.table_columns import ResourceTable
from vimesh.cli.verb_first import ALIASES
from vimesh.domain.conditions.conditions import CERTIFICATE_VALID, LOGGED_IN, REACHABLE, SERVICE_READY
from vimesh.domain.filters.condition_terms import CONDITION_PREFIX
from vimesh.domain.filters.filter_fields import FIELDS, LABEL_PREFIX, OPERATORS, FieldKind, field_of

_OTHER_NAMES: Final = (*ALIASES, "create", "update", "context")
"""Names that groups may take, beside those that they list."""
_CHOICE = re.compile(r"[a-z0-9-]+(\|[a-z0-9-]+)+")
_STATUSES: Final = ("PENDING", "REACHABLE", "UNREACHABLE", "UNKNOWN")
_KINDS: Final = {
    "VIM": VIMS,
    "VIM KEY=VALUE|KEY-": LABELS,
    "RECEIVER": RECEIVERS,
    "SELECTOR": SELECTOR,
    "FILTER": FILTER,
    "STATUS": list(_STATUSES),
    "STATUS|deleted": [*_STATUSES, "deleted"],
    **dict.fromkeys(("FILE", "FILE|FOLDER", "DIR", "FOLDER", "FLEET", "BOOTSTRAP", "CONFIG"), FILES),
}
"""What stands for a value in help, and of which kind it is."""
_OF_PROFILES: Final = ("profile use", "profile set", "profile delete")
_TABLES: Final[Mapping[str, ResourceTable[Any]]] = {
    "vim list": vim_columns.VIMS,
    "vim events": event_lines.EVENTS,
    "vim history": history_plot.SAMPLES,
    "causes list": CAUSES,
    "maintenance list": WINDOWS,
    "monitors list": MONITORS,
    "receiver list": receiver_output.RECEIVERS,
    "workflows audit": FINDINGS,
}
"""What the commands list whose columns do not depend on other flags."""


def words_text() -> str:
    """Return the table as JSON."""
    content = _command(typer.main.get_command(app), "")
    return json.dumps({**content, FILTER_FIELDS: _filter_fields()}, indent=1) + "\n"


def _filter_fields() -> dict[str, Any]:
    """Return what filters compare: with which operators and, where these are listed, to which values."""
    known = [f"{CONDITION_PREFIX}{type_}" for type_ in (REACHABLE, SERVICE_READY, LOGGED_IN, CERTIFICATE_VALID)]
    fields = {
        name: {"operators": [each.value for each in OPERATORS[field.kind]]}
        | ({"values": [str(word) for word in field.words]} if field.words else {})
        for name in (*FIELDS, *known)
        if (field := field_of(name))
    }
    return {**fields, LABEL_PREFIX: {"operators": [each.value for each in OPERATORS[FieldKind.LABEL]]}}


def _command(command: Any, path: str) -> dict[str, Any]:  # noqa: ANN401 - the library exports no type of commands
    context = command.make_context(path or "vimesh", [], resilient_parsing=True)
    # Sorted, as the library keeps the names of some flags in no order.
    content: dict[str, Any] = {"flags": dict(sorted(_flags(command.get_params(context), path)))}
    commands: Mapping[str, Any] | None = getattr(command, "commands", None)
    if commands is None:
        arguments = [_argument(each, path) for each in command.params if each.param_type_name == "argument"]
        return {**content, "arguments": arguments} if arguments else content
    found = {name: command.get_command(context, name) for name in _OTHER_NAMES if name not in commands}
    aliases = {name: each.name for name, each in found.items() if each is not None}
    shown = {name: each for name, each in commands.items() if not each.hidden}
    below = {name: _command(each, f"{path} {name}".strip()) for name, each in shown.items()}
    return {**content, "aliases": aliases, "commands": below}


def _flags(parameters: Any, path: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - the library exports no type of parameters
    """Yield the names of flags, each with the kind of its value, or None if it has none."""
    for parameter in parameters:
        if parameter.param_type_name == "option" and not parameter.hidden:
            for name in (*parameter.opts, *parameter.secondary_opts):
                yield name, None if parameter.is_flag else _flag_value(parameter, path)


def _flag_value(parameter: Any, path: str) -> Any:  # noqa: ANN401 - the library exports no type of parameters
    if parameter.metavar == "COLUMN" and path in _TABLES:
        return [column.title for column in _TABLES[path].columns]
    for flag, kind in (("--profile", PROFILES), ("--project", PROJECTS)):
        if flag in parameter.opts:
            return kind
    return _kind(parameter.metavar or "")


def _argument(parameter: Any, path: str) -> Any:  # noqa: ANN401 - the library exports no type of parameters
    return PROFILES if path in _OF_PROFILES else _kind(parameter.metavar or "")


def _kind(metavar: str) -> Any:  # noqa: ANN401 - JSON
    word = metavar.replace("[", "").replace("]", "").removesuffix("...")
    if word in _KINDS:
        return _KINDS[word]
    choices = re.sub(r"\|[A-Za-z]+[=:][A-Z]+$", "", word)
    return choices.split("|") if _CHOICE.fullmatch(choices) else ""
