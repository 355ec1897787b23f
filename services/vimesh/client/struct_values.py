"""Makes the free-form fields of messages."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.struct_pb2 import Struct


def struct(values: Mapping[str, object]) -> Struct:
    """Return values as they would be in JSON, such as for `Vim(auth_cred=struct({"username": "vimesh"}))`.

    Raises ValueError for what JSON cannot hold.
    """
    message = Struct()
    try:
        ParseDict(dict(values), message)
    except ParseError as error:
        raise ValueError(str(error)) from error
    return message
