"""What Tacker's REST shows of a VIM."""

from __future__ import annotations

from google.protobuf.struct_pb2 import Struct

from vimesh.api.rest.documents.vim_document import plain

NAMES = [f"name-{number}" for number in range(20)]


def test_free_form_keys_are_in_order_however_deep_so_that_all_processes_answer_alike() -> None:
    struct = Struct()
    struct.update({"inner": dict.fromkeys(reversed(NAMES), 1), "list": [dict.fromkeys(reversed(NAMES), 1)]})

    document = plain(struct)

    assert list(document) == ["inner", "list"]
    assert list(document["inner"]) == list(document["list"][0]) == sorted(NAMES)
