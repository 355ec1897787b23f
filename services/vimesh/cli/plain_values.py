"""Reads the values of arguments and flags by themselves, and shows arguments in help as they are written.

The library would ask a validator for each value, whose import takes longer than a short command, and puts brackets and
types of its own around the words that we give to arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, get_args, get_origin

import typer

from vimesh.domain.settings import truth

_MAX_DIGITS: Final = 18
_PARAMETER_READER: Final = "_runtime_param"
"""Where the library keeps what reads the values of a parameter. Versions without a validator have no such place."""
_TYPE_SHOWN: Final = "display_type_rich"
_NAME_SHOWN: Final = "_usage_display_name"
"""What shows an argument in newer versions. Earlier ones show what they are given."""

HELP_FLAGS: Final = ("-h", "--help")
_CONTEXT: Final = SimpleNamespace(help_option_names=list(HELP_FLAGS))
"""What the flag for help is made from."""


def use_plain_values(command: Any) -> None:  # noqa: ANN401 - the library exports no type of commands
    """Let a command, and those of a group that are there already, read values of simple types by functions of ours."""
    for parameter in command.get_params(_CONTEXT):
        if parameter.param_type_name == "argument":
            _show_as_written(parameter)
        if hasattr(parameter, _PARAMETER_READER) and (read := _reader_of(parameter)) is not None:
            setattr(parameter, _PARAMETER_READER, _PlainValue(read))
    subcommands = getattr(command, "commands", None)
    if isinstance(subcommands, dict):
        for subcommand in subcommands.values():
            use_plain_values(subcommand)


def _show_as_written(argument: Any) -> None:  # noqa: ANN401 - the library's own
    if hasattr(argument, _TYPE_SHOWN):
        setattr(argument, _TYPE_SHOWN, lambda ctx: None)  # noqa: ARG005 - the library names it
    if hasattr(argument, _NAME_SHOWN) and (argument.required or (argument.metavar or "").startswith("[")):
        name = argument.display_name_raw
        shown = name if argument.nargs == 1 or name.endswith("...") else f"{name}..."
        setattr(argument, _NAME_SHOWN, lambda: shown)


class _PlainValue:
    def __init__(self, read: Callable[[Any], Any]) -> None:
        self._read = read

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - the library's own
        """Return the value as the command takes it. Raises BadParameter."""
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        try:
            return [self._read(each) for each in value] if several else self._read(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from None


def _reader_of(parameter: Any) -> Callable[[Any], Any] | None:  # noqa: ANN401 - the library's own
    """Return what reads one value; None: the library is to do it."""
    kind, info = parameter.type_descriptor.annotation, parameter.type_descriptor.parameter_info
    if get_origin(kind) is list:
        [kind] = get_args(kind)
    if kind is int and not info.clamp:
        return lambda value: _whole_number(value, info.min, info.max)
    return _READERS.get(kind) if isinstance(kind, type) else None


def _whole_number(value: int | str, lowest: float | None, highest: float | None) -> int:
    if isinstance(value, str):
        digits = value.strip().removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
            raise ValueError(f"must be a whole number, not {value[:50]!r}")
        value = int(value)
    if lowest is not None and value < lowest:
        raise ValueError(f"must be at least {lowest:g}, not {value}")
    if highest is not None and value > highest:
        raise ValueError(f"must be at most {highest:g}, not {value}")
    return value


def _number(value: float | str) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"must be a number, not {str(value)[:50]!r}") from None


def _truth(value: bool | str) -> bool:
    return truth(value) if isinstance(value, str) else value


_READERS: Final[Mapping[type, Callable[[Any], Any]]] = {str: str, bool: _truth, float: _number, Path: Path}
