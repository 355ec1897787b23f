"""Checks the bounds that every message must keep before its rules run: counts, and times within protobuf's range.

Rules assume well-formed fields. A rule that compares two times fails if one of them is outside protobuf's own range,
and a rule on each entry of a list takes as long as the list. So these bounds come first. They apply to all message
types, and are compiled once per type from its descriptor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from google.protobuf.message import Message

from vimesh.domain.errors import BadInput, Violation
from vimesh.v1.buf.validate import validate_pb2
from vimesh.wire.limits import MAX_FREE_FORM_VALUES
from vimesh.wire.value_count import has_more_values

MAX_UNSTATED_ITEMS: Final = 100
"""Maximum number of entries of a list whose rules do not state one."""
MAX_PATHS: Final = 100
MAX_PATH_LENGTH: Final = 324
"""That of `labels.` and the longest key."""

_DURATION_S = 315_576_000_000
_FIRST_TIMESTAMP_S, _LAST_TIMESTAMP_S = -62_135_596_800, 253_402_300_799
_NANOS = 1_000_000_000
# Their content is arbitrary and nests without limit: it is not checked here.
_UNCHECKED_TYPES = frozenset(f"google.protobuf.{name}" for name in ("Any", "ListValue", "Value"))

_Descriptor = Any  # from upb or from pure Python
_Check = Callable[[Any, str, list[Violation]], None]
"""Appends the violations of a message of one type, given the message and its path with a trailing dot.

Nearly every message keeps its bounds: to append costs it half of what it costs to yield.
"""


def max_items(field: _Descriptor) -> int:
    """Return the maximum number of entries of a list or a map."""
    rules = field.GetOptions().Extensions[validate_pb2.field]
    return rules.repeated.max_items or rules.map.max_pairs or MAX_UNSTATED_ITEMS


class Bounds:
    """Compiles the bounds of each message type once."""

    def __init__(self) -> None:
        self._checks: dict[str, Sequence[_Check]] = {}

    def check(self, message: Message) -> None:
        """Raise BadInput if the message does not keep its bounds."""
        broken: list[Violation] = []
        for check in self._checks_of_type(message.DESCRIPTOR):
            check(message, "", broken)
        if broken:
            raise BadInput(*broken)

    def _checks_of_type(self, descriptor: _Descriptor) -> Sequence[_Check]:
        checks = self._checks.get(descriptor.full_name)
        if checks is None:
            checks = self._checks[descriptor.full_name] = [
                check for field in descriptor.fields for check in self._checks_of_field(field)
            ]
        return checks

    def _checks_of_field(self, field: _Descriptor) -> Iterator[_Check]:
        if field.is_repeated:
            yield _check_count(field)
            if (
                not _is_checked_separately(field)
                and field.message_type is not None
                and (inner := self._checks_of_message(field))
            ):
                yield _check_each(field, inner)
        elif field.message_type is not None and (inner := self._checks_of_message(field)):
            yield _check_if_present(field, inner)

    def _checks_of_message(self, field: _Descriptor) -> Sequence[_Check]:
        name = field.message_type.full_name
        if name in _UNCHECKED_TYPES:
            return ()
        well_known_check = _WELL_KNOWN_CHECKS.get(name)
        return self._checks_of_type(field.message_type) if well_known_check is None else (well_known_check,)


def _is_checked_separately(field: _Descriptor) -> bool:
    """Return whether the handler judges each entry of the list separately, so that entries are not checked here."""
    rules = field.GetOptions().Extensions[validate_pb2.field]
    return bool(rules.repeated.items.ignore == validate_pb2.IGNORE_ALWAYS)


def _check_count(field: _Descriptor) -> _Check:
    name, max_count = field.name, max_items(field)

    def check(message: Message, path: str, broken: list[Violation]) -> None:
        if len(getattr(message, name)) > max_count:
            broken.append(Violation(path + name, f"must contain no more than {max_count} item(s)"))

    return check


def _check_if_present(field: _Descriptor, inner: Sequence[_Check]) -> _Check:
    name = field.name

    def check(message: Message, path: str, broken: list[Violation]) -> None:
        if message.HasField(name):
            value, inner_path = getattr(message, name), f"{path}{name}."
            for inner_check in inner:
                inner_check(value, inner_path, broken)

    return check


def _check_each(field: _Descriptor, inner: Sequence[_Check]) -> _Check:
    name = field.name

    def check(message: Message, path: str, broken: list[Violation]) -> None:
        for number, value in enumerate(getattr(message, name)):
            for inner_check in inner:
                inner_check(value, f"{path}{name}[{number}].", broken)

    return check


def _duration(message: Any, path: str, broken: list[Violation]) -> None:  # noqa: ANN401 - a Duration
    seconds, nanos = message.seconds, message.nanos
    if not (-_DURATION_S <= seconds <= _DURATION_S and -_NANOS < nanos < _NANOS and seconds * nanos >= 0):
        broken.append(
            Violation(path[:-1], "is not a duration: over 10,000 years, nanos of a second or more, or two signs")
        )


def _timestamp(message: Any, path: str, broken: list[Violation]) -> None:  # noqa: ANN401 - a Timestamp
    if not (_FIRST_TIMESTAMP_S <= message.seconds <= _LAST_TIMESTAMP_S and 0 <= message.nanos < _NANOS):
        broken.append(
            Violation(path[:-1], "is not a timestamp: outside the years 1 to 9999, or nanos of a second or more")
        )


def _field_mask(message: Any, path: str, broken: list[Violation]) -> None:  # noqa: ANN401 - a FieldMask
    if len(message.paths) > MAX_PATHS:
        broken.append(Violation(path[:-1], f"must contain no more than {MAX_PATHS} paths"))
    elif any(len(mask_path) > MAX_PATH_LENGTH for mask_path in message.paths):
        broken.append(Violation(path[:-1], f"must contain no path of more than {MAX_PATH_LENGTH} characters"))


def _struct(message: Any, path: str, broken: list[Violation]) -> None:  # noqa: ANN401 - a Struct
    # A rule on the enclosing message would get a copy of every value: a second for two million of them.
    if has_more_values(message, MAX_FREE_FORM_VALUES):
        broken.append(Violation(path[:-1], f"holds more than {MAX_FREE_FORM_VALUES} values"))


_WELL_KNOWN_CHECKS: Final[dict[str, _Check]] = {
    "google.protobuf.Duration": _duration,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.FieldMask": _field_mask,
    "google.protobuf.Struct": _struct,
}
