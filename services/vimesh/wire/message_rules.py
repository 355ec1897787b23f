"""Checks messages against their bounds and the rules in the protos, and raises domain errors."""

from __future__ import annotations

from typing import Any, Final

import protovalidate
from google.protobuf.message import Message

from vimesh.domain.errors import BadInput, Violation
from vimesh.v1.buf.validate import validate_pb2
from vimesh.wire.message_bounds import Bounds

_FULLY_CHECKED: Final = 20


class Rules:
    """Compiles the rules of each message type once."""

    def __init__(self) -> None:
        self._validator = protovalidate.Validator()
        self._bounds = Bounds()
        self._needs_copy: dict[str, bool] = {}
        """Whether a message type has rules on the whole message, for which the validator copies it."""

    def check(self, request: Message, *, first_only: bool = False) -> None:
        """Raise BadInput if the request exceeds its bounds or breaks a rule of its proto.

        `first_only`: name only one broken rule, in a third of the time.
        """
        self._bounds.check(request)
        if self._is_copied_by_validator(request.DESCRIPTOR):
            # Unknown fields would be copied too, which takes 100 ms per MiB.
            request.DiscardUnknownFields()
        broken = self._validator.collect_violations(request, fail_fast=first_only)
        if broken:
            raise BadInput(*(_violation(request.DESCRIPTOR, violation) for violation in broken))

    def _is_copied_by_validator(self, descriptor: Any) -> bool:  # noqa: ANN401 - a descriptor: upb's or Python's
        copied = self._needs_copy.get(descriptor.full_name)
        if copied is None:
            copied = bool(descriptor.GetOptions().Extensions[validate_pb2.message].cel)
            self._needs_copy[descriptor.full_name] = copied
        return copied


class EntryRules:
    """Checks the entries of one call, each on its own.

    The first that break rules hear of all broken fields, at 30 us per name; later ones of the first only.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._refused = 0

    def check(self, entry: Message) -> None:
        """Raise BadInput as `Rules.check`."""
        try:
            self._rules.check(entry, first_only=self._refused >= _FULLY_CHECKED)
        except BadInput:
            self._refused += 1
            raise


def _violation(message: Any, violation: protovalidate.Violation) -> Violation:  # noqa: ANN401 - a descriptor: upb's or Python's
    rule_violation = violation.proto
    path = ""
    field: Any = None
    for element in rule_violation.field.elements if rule_violation.field else ():
        message = message if field is None else field.message_type
        field = message.fields_by_name[element.field_name]
        path += f".{field.name}" if path else field.name
        if element.subscript and element.subscript.field == "index":
            path += f"[{element.subscript.value}]"
    if rule_violation.rule_id == "enum.in":
        allowed = [field.enum_type.values_by_number[number].name for number in violation.rule_value]
        return Violation(path, f"must be one of {', '.join(allowed)}")
    if path:
        return Violation(path, rule_violation.message)
    # The text of a rule on the whole message starts with the name of the field to fix.
    name, _, text = rule_violation.message.partition(" ")
    return Violation(name, text)
