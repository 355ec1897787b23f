"""Says conditions and certificates in words."""

from __future__ import annotations

from vimesh.cli.output.vim_columns import moment
from vimesh.client.enum_names import name_of
from vimesh.domain.vim_conditions.condition_rules import REMOVED
from vimesh.v1.condition_pb2 import Condition
from vimesh.v1.vim_pb2 import VimEvent


def changed_conditions(event: VimEvent) -> str:
    """Return what a change of conditions says, such as `ServiceReady is FALSE (NOT_READY)`."""
    said = [_changed(one) for one in event.conditions]
    if event.HasField("certificate"):
        said.append(f"certificate until {moment(event.certificate.not_after)}")
    return ", ".join(said)


def _changed(condition: Condition) -> str:
    if condition.reason == REMOVED:
        return f"{condition.type} is gone"
    why = f" ({condition.reason})" if condition.reason else ""
    return f"{condition.type} is {name_of(Condition.Status, condition.status)}{why}"
