"""Checks single inputs of a workflow, which may be any JSON, against the limits of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard

_MAX_SHOWN = 40


class BadOrder(ValueError):
    """The action cannot run with these inputs. The message names the input and its limit."""


def read_text(inputs: Mapping[str, object], name: str, *, longest: int) -> str:
    """Return a text of printable ASCII that is not empty."""
    value = _value(inputs, name)
    if isinstance(value, str) and 0 < len(value) <= longest and value.isascii() and value.isprintable():
        return value
    raise BadOrder(f"{name}: must be 1 to {longest} printable characters of ASCII, not {describe_value(value)}")


def read_number(inputs: Mapping[str, object], name: str, *, lowest: float, highest: float) -> float:
    value = _value(inputs, name)
    # Compared before it is converted: a number of 400 digits does not fit into a float.
    if _is_number(value) and lowest <= value <= highest:
        return float(value)
    raise BadOrder(f"{name}: must be a number from {lowest:g} to {highest:g}, not {describe_value(value)}")


def read_whole_number(inputs: Mapping[str, object], name: str, *, lowest: int, highest: int) -> int:
    value = _value(inputs, name)
    if isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest:
        return value
    raise BadOrder(f"{name}: must be a whole number from {lowest} to {highest}, not {describe_value(value)}")


def read_flag(inputs: Mapping[str, object], name: str) -> bool:
    value = _value(inputs, name)
    if isinstance(value, bool):
        return value
    raise BadOrder(f"{name}: must be true or false, not {describe_value(value)}")


def describe_value(value: object) -> str:
    """Describe a value in a few words, however large, deep or odd it is."""
    if value is None or isinstance(value, bool | float):
        return repr(value)
    if isinstance(value, int):
        # Python refuses to format a number of more than 4300 digits.
        return repr(value) if value.bit_length() <= 64 else f"a number of {value.bit_length()} bits"
    if isinstance(value, str):
        return ascii(value) if len(value) <= _MAX_SHOWN else f"a string of {len(value)} characters"
    return "an object" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else "something else"


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value(inputs: Mapping[str, object], name: str) -> object:
    if name not in inputs:
        raise BadOrder(f"{name}: is missing")
    return inputs[name]
