"""Parses requests, after checking their sizes and counts on the bytes."""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from vimesh.domain.errors import BadInput, Violation
from vimesh.rpc.parsing.field_count import has_more_fields
from vimesh.wire.limits import max_request_bytes
from vimesh.wire.message_bounds import max_items

_OTHER_FIELDS: Final = 100
"""Fields that a batch may have besides its entries, such as those of a later version."""
_UNCOUNTED_BYTES: Final = 128 * 1024
"""A request up to this size parses within milliseconds, whatever it contains: its entries are counted afterwards.
Few batches are larger."""

_M = TypeVar("_M", bound=Message)


class Parser(Generic[_M]):
    """Parses the requests of one method."""

    def __init__(self, request_type: type[_M], max_bytes: int) -> None:
        self._parse = request_type.FromString
        self._type_name = request_type.DESCRIPTOR.full_name
        self._max_bytes = max_bytes
        self._entries = _entries(request_type.DESCRIPTOR)

    def parse(self, data: bytes) -> _M:
        """Parse a request. Raises BadInput if it is too long, has too many entries, or is not such a message."""
        if len(data) > self._max_bytes:
            raise BadInput(Violation("", f"the request has {len(data)} bytes; the maximum is {self._max_bytes}"))
        if self._entries is not None and len(data) > _UNCOUNTED_BYTES:
            self._check_count(data, *self._entries)
        try:
            return self._parse(data)
        except DecodeError:
            pass
        # Raise outside the handler: the new error must not keep the caught one alive.
        raise BadInput(Violation("", f"not a serialized {self._type_name}"))

    def _check_count(self, data: bytes, field: str, max_count: int) -> None:
        if has_more_fields(data, max_count + _OTHER_FIELDS):
            raise BadInput(Violation(field, f"must contain no more than {max_count} item(s)"))


def _entries(descriptor: Any) -> tuple[str, int] | None:  # noqa: ANN401 - a descriptor: upb's or Python's
    """Return the field that makes the message a batch, and its maximum number of entries; None if there is none."""
    for field in descriptor.fields:
        if field.is_repeated and field.message_type is not None:
            return field.name, max_items(field)
    return None


def parser_of(method: str) -> Parser[Message]:
    """Return the parser of a method, named as in `/package.Service/Method`."""
    service, _, name = method.strip("/").rpartition("/")
    method_descriptor = descriptor_pool.Default().FindMethodByName(f"{service}.{name}")
    return Parser(message_factory.GetMessageClass(method_descriptor.input_type), max_request_bytes(name))
