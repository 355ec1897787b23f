"""What a workflow tells an action to do, checked: people write workflows too."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import TypeGuard

from vimesh.domain.actions import Action
from vimesh.domain.endpoints import AuthUrlInvalid, endpoint_of
from vimesh.domain.probing import Method
from vimesh.engine.workflow import PingInput


class BadOrder(ValueError):
    """The action cannot do what its inputs say. The message names the input."""


def action_of(inputs: Mapping[str, object]) -> Action:
    """Return the action that the inputs of a workflow describe. Raises BadOrder."""
    if not inputs.get("vim_id") or not inputs.get("action_id"):
        raise BadOrder("no action_id: the workflow was not made by this version of vimesh; register the VIM again")
    for name in ("probe_interval_s", "probe_timeout_s"):
        _check_number(name, inputs[name], above=0)
    _check_duration("fail_for_s", inputs.get("fail_for_s", 0))
    for name in ("fall", "rise"):
        _check_whole(name, inputs[name], lowest=1)
    _check_whole("observation", inputs["observation"], lowest=0)
    if inputs["method"] not in tuple(Method):
        raise BadOrder(f"method: must be one of {', '.join(Method)}, not {inputs['method']!r}")
    try:
        endpoint_of(str(inputs["auth_url"]))
    except AuthUrlInvalid as error:
        raise BadOrder(f"auth_url: {error}") from error
    # An engine whose plugin is of another version may leave out what has a default, and add what is not known here.
    names = (field.name for field in fields(PingInput) if field.name in inputs)
    return PingInput(**{name: inputs[name] for name in names}).action()  # type: ignore[arg-type]  # checked above


def _check_number(name: str, value: object, *, above: float) -> None:
    if not _is_finite(value) or value <= above:
        raise BadOrder(f"{name}: must be a number above {above:g}, not {value!r}")


def _check_duration(name: str, value: object) -> None:
    if not _is_finite(value) or value < 0:
        raise BadOrder(f"{name}: must be a number from 0 on, not {value!r}")


def _is_finite(value: object) -> TypeGuard[float]:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value)


def _check_whole(name: str, value: object, *, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise BadOrder(f"{name}: must be a whole number from {lowest} on, not {value!r}")
