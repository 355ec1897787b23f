"""Checks the bounds that every message must keep before its rules run: counts, and times within protobuf's range.

Rules assume well-formed fields. A rule that compares two times fails if one of them is outside protobuf's own range,
and a rule on each entry of a list takes as long as the list. So these bounds come first. They apply to all message
types, and are compiled once per type from its descriptor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from google.protobuf.message import Message

from buf.validate import validate_pb2
from vimesh.domain.errors import BadInput, Violation
from vimesh.wire.limits import MAX_FREE_FORM_VALUES
from vimesh.wire.value_count import has_more_values

MAX_UNSTATED_ITEMS: Final = 100
"""Maximum number of entries of a list whose rules do not state one."""
MAX_PATHS: Final = 100
MAX_PATH_LENGTH: Final = 255

_DURATION_S = 315_576_000_000
_FIRST_TIMESTAMP_S, _LAST_TIMESTAMP_S = -62_135_596_800, 253_402_300_799
_NANOS = 1_000_000_000
# Their content is arbitrary and nests without limit: it is not checked here.
_OPEN = frozenset(f"google.protobuf.{name}" for name in ("Any", "ListValue", "Value"))

_Descriptor = Any  # from upb or from pure Python
_Judge = Callable[[Any, str], Iterator[Violation]]
"""Yields the violations of a message of one type, given the message and its path with a trailing dot."""


def max_items(field: _Descriptor) -> int:
    """Return the maximum number of entries of a list or a map."""
    rules = field.GetOptions().Extensions[validate_pb2.field]
    return rules.repeated.max_items or rules.map.max_pairs or MAX_UNSTATED_ITEMS


class Bounds:
    """Compiles the bounds of each message type once."""

    def __init__(self) -> None:
        self._judges: dict[str, Sequence[_Judge]] = {}

    def check(self, message: Message) -> None:
        """Raise BadInput if the message does not keep its bounds."""
        broken = [violation for judge in self._of(message.DESCRIPTOR) for violation in judge(message, "")]
        if broken:
            raise BadInput(*broken)

    def _of(self, descriptor: _Descriptor) -> Sequence[_Judge]:
        judges = self._judges.get(descriptor.full_name)
        if judges is None:
            judges = self._judges[descriptor.full_name] = [
                judge for field in descriptor.fields for judge in self._of_field(field)
            ]
        return judges

    def _of_field(self, field: _Descriptor) -> Iterator[_Judge]:
        if field.is_repeated:
            yield _count(field)
            if not _is_judged_apart(field) and field.message_type is not None and (inner := self._of_message(field)):
                yield _each(field, inner)
        elif field.message_type is not None and (inner := self._of_message(field)):
            yield _present(field, inner)

    def _of_message(self, field: _Descriptor) -> Sequence[_Judge]:
        name = field.message_type.full_name
        if name in _OPEN:
            return ()
        well_known = _WELL_KNOWN.get(name)
        return self._of(field.message_type) if well_known is None else (well_known,)


def _is_judged_apart(field: _Descriptor) -> bool:
    """Return whether the handler judges each entry of the list separately, so that entries are not checked here."""
    rules = field.GetOptions().Extensions[validate_pb2.field]
    return bool(rules.repeated.items.ignore == validate_pb2.IGNORE_ALWAYS)


def _count(field: _Descriptor) -> _Judge:
    name, most = field.name, max_items(field)

    def judge(message: Message, path: str) -> Iterator[Violation]:
        if len(getattr(message, name)) > most:
            yield Violation(path + name, f"must contain no more than {most} item(s)")

    return judge


def _present(field: _Descriptor, inner: Sequence[_Judge]) -> _Judge:
    name = field.name

    def judge(message: Message, path: str) -> Iterator[Violation]:
        if message.HasField(name):
            value = getattr(message, name)
            for one in inner:
                yield from one(value, f"{path}{name}.")

    return judge


def _each(field: _Descriptor, inner: Sequence[_Judge]) -> _Judge:
    name = field.name

    def judge(message: Message, path: str) -> Iterator[Violation]:
        for number, value in enumerate(getattr(message, name)):
            for one in inner:
                yield from one(value, f"{path}{name}[{number}].")

    return judge


def _duration(message: Any, path: str) -> Iterator[Violation]:  # noqa: ANN401 - a Duration
    seconds, nanos = message.seconds, message.nanos
    if not (-_DURATION_S <= seconds <= _DURATION_S and -_NANOS < nanos < _NANOS and seconds * nanos >= 0):
        yield Violation(path[:-1], "is no duration: beyond 10,000 years, a second or more of nanos, or of two signs")


def _timestamp(message: Any, path: str) -> Iterator[Violation]:  # noqa: ANN401 - a Timestamp
    if not (_FIRST_TIMESTAMP_S <= message.seconds <= _LAST_TIMESTAMP_S and 0 <= message.nanos < _NANOS):
        yield Violation(path[:-1], "is no timestamp: not in the years 1 to 9999, or a second or more of nanos")


def _field_mask(message: Any, path: str) -> Iterator[Violation]:  # noqa: ANN401 - a FieldMask
    if len(message.paths) > MAX_PATHS:
        yield Violation(path[:-1], f"must contain no more than {MAX_PATHS} paths")
    elif any(len(one) > MAX_PATH_LENGTH for one in message.paths):
        yield Violation(path[:-1], f"must contain no path of more than {MAX_PATH_LENGTH} characters")


def _struct(message: Any, path: str) -> Iterator[Violation]:  # noqa: ANN401 - a Struct
    # A rule on the enclosing message would get a copy of every value: a second for two million of them.
    if has_more_values(message, MAX_FREE_FORM_VALUES):
        yield Violation(path[:-1], f"holds more than {MAX_FREE_FORM_VALUES} values")


_WELL_KNOWN: Final[dict[str, _Judge]] = {
    "google.protobuf.Duration": _duration,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.FieldMask": _field_mask,
    "google.protobuf.Struct": _struct,
}
