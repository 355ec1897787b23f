"""Fills the free-form fields of a VIM from the content of files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct

from vimesh.wire.free_form import MAX_BYTES


class NotJson(Exception):
    """The content of the field cannot be sent. The message starts with a verb and quotes nothing."""


def fill(field: Struct, content: Mapping[Any, Any]) -> None:
    """Fill the field. Raises NotJson, also before conversion if the content is larger than the fleet accepts."""
    if not all(isinstance(key, str) for key in content):
        raise NotJson("has a field name that is not a string: write it in quotes")
    try:
        size = len(json.dumps(content, allow_nan=False))
        if size > MAX_BYTES:
            raise NotJson(f"is longer than {MAX_BYTES} bytes of JSON")
        field.update(content)
    except (ValueError, TypeError, OverflowError, RecursionError):
        # YAML has values that JSON lacks, such as dates; JSON has text that messages lack, such as lone surrogates.
        raise NotJson("holds values that JSON cannot represent") from None
