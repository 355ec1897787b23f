"""Converts targets of receivers to messages, and back. Their fields have the same names."""

from __future__ import annotations

from typing import Any, Final

from google.protobuf.message import Message

from vimesh.domain.notifications.targets import SmtpTls, Target, kind_of, target_of, values_of
from vimesh.v1 import receiver_service_pb2 as pb

ONEOF: Final = "target"
_SMTP_PORT: Final = "smtp_port"
_SUBMISSION, _SUBMISSIONS = 587, 465
"""Ports of mail submission, the latter by TLS from the start: RFC 8314."""


def target_from_message(message: pb.Receiver) -> Target | None:
    """Read the target of a receiver that keeps the rules of its proto; None if it has none."""
    kind = message.WhichOneof(ONEOF)
    if kind is None:
        return None
    target: Message = getattr(message, kind)
    # Fields that are not set are not listed: they get their default.
    values = {field.name: _value(field, value) for field, value in target.ListFields()}
    if kind == "email":
        is_tls = values.get("tls") == SmtpTls.TLS
        values = {"tls": SmtpTls.STARTTLS, _SMTP_PORT: _SUBMISSIONS if is_tls else _SUBMISSION} | values
    return target_of(kind, values)


def write_target(target: Target, message: pb.Receiver) -> None:
    """Write a target to the message of its receiver."""
    written: Message = getattr(message, kind_of(target))
    written.SetInParent()
    for name, value in values_of(target).items():
        field = written.DESCRIPTOR.fields_by_name[name]
        if isinstance(value, list):
            getattr(written, name).extend(value)
        elif isinstance(value, dict):
            getattr(written, name).update(value)
        else:
            setattr(written, name, value if field.enum_type is None else field.enum_type.values_by_name[value].number)


def _value(field: Any, value: Any) -> object:  # noqa: ANN401 - a descriptor, and a value of any field
    if field.enum_type is not None:
        return field.enum_type.values_by_number[value].name
    if field.is_repeated:
        return dict(value) if field.message_type is not None else tuple(value)
    return value
