"""Shows VIMs in the results of tasks."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

with suppress(ImportError):  # `fleet.run` says so before anything of this is called
    from google.protobuf.json_format import MessageToDict

    from vimesh.client import Vim


def vim_document(vim: Vim) -> dict[str, Any]:
    """Return a VIM as JSON of the contract has it, with the names of its fields."""
    document: dict[str, Any] = MessageToDict(
        vim, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return document
