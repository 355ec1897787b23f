"""Free-form fields of a VIM, as files say them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct

from vimesh.wire.free_form import MAX_BYTES


class NotJson(Exception):
    """What the field holds cannot be sent. The message begins with a verb, and quotes nothing."""


def fill(field: Struct, content: Mapping[Any, Any]) -> None:
    """Raises NotJson. What the fleet refuses for its size is refused before it is turned into a message."""
    if not all(isinstance(key, str) for key in content):
        raise NotJson("has a field whose name is no text: write it in quotes")
    try:
        size = len(json.dumps(content, allow_nan=False))
        if size > MAX_BYTES:
            raise NotJson(f"is longer than {MAX_BYTES} bytes of JSON")
        field.update(content)
    except (ValueError, TypeError, OverflowError, RecursionError):
        # YAML can say more than JSON: dates, for example. And JSON more than a message: half a character.
        raise NotJson("holds what JSON cannot") from None
