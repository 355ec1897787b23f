"""Fuzzes the inputs of the workflow of a ping action, because people write workflows too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tests.fuzz.parser import Parser
from vimesh.domain.actions import Action
from vimesh.domain.errors import BadInput
from vimesh.engine.workflow import PingInput
from vimesh.monitor.executor.action_inputs import BadOrder, action_of
from vimesh.wire.answer_messages import action_message
from vimesh.wire.message_rules import Rules

_MOST_WORDS = 1000
_rules = Rules()
_GOOD = PingInput(
    count="3",
    timeout="1",
    interval="10",
    targetip="127.0.0.1",
    vim_id="0b0a5d9a-5c0f-4f4b-9a57-3a4f3f2f9a11",
    action_id="1b0a5d9a-5c0f-4f4b-9a57-3a4f3f2f9a11",
    auth_url="http://127.0.0.1:5000/v3",
    method="HTTP",
    probe_interval_s=10.0,
    probe_timeout_s=1.5,
    fall=3,
    rise=1,
    tls_verify=False,
    observation=7,
    fail_for_s=2.0,
)
_ODD: Sequence[Any] = (
    *(None, True, -1, 0, 2**63, 2**64, 10**400, 1e-320, 1e308, "", "a", "9" * 400, [], [[]], {}, {"a": 1}, "\ud800"),
    *("http", "PING", "TCP", "http://[::1", "\0", "a" * 10_000),
)


def _read(data: bytes) -> None:
    """Read JSON as Mistral passes it on; text that is not JSON never gets this far."""
    try:
        inputs = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(inputs, dict):
        return
    action, refusal = _ordered(inputs)
    if action is not None:
        _check(action)
        return
    assert refusal, "no word of what is wrong"
    assert len(refusal) <= _MOST_WORDS, f"{len(refusal)} characters: {refusal[:100]}"


def _ordered(inputs: dict[str, object]) -> tuple[Action | None, str]:
    try:
        return action_of(inputs), ""
    except BadOrder as error:
        return None, str(error)


def _check(action: Action) -> None:
    """Require that accepted inputs are what a conductor could have requested, and can receive reports about."""
    try:
        _rules.check(action_message(action))
    except (BadInput, ValueError) as error:
        raise AssertionError(f"is taken, and no conductor would ask for it: {error}") from error
    assert 0 <= action.observation <= 2**63 - 2**22, f"counts from {action.observation}"


def _seeds() -> tuple[bytes, ...]:
    good = _GOOD.inputs()
    odd = [{**good, name: value} for name in good for value in _ODD]
    without = [{other: value for other, value in good.items() if other != name} for name in good]
    return tuple(json.dumps(inputs).encode() for inputs in (good, {}, *odd, *without, {**good, "unknown": 1}))


PARSER = Parser(name="workflow", read=_read, seeds=_seeds(), most_bytes=16 * 1024)
