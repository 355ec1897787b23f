"""Whether a VIM of the fleet is what Tacker's database says."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from vimesh.cli.importing.registering import Prepared
from vimesh.store.masking import mask
from vimesh.v1.vim_pb2 import Vim

_DEFAULT = "is_default"
_PLAIN = ("project_id", "name", "description", "type", "auth_url", _DEFAULT)
_FREE_FORM = ("vim_project", "placement_attr", "extra")


def differences(wanted: Prepared, found: Vim) -> list[str]:
    """Return the fields that differ.

    Where the ping action runs and how it probes are left out: that is what a move changes. Of secrets only their names
    are compared, because the fleet shows no values.
    """
    registration = wanted.registration
    plain = _PLAIN if wanted.with_default else [field for field in _PLAIN if field != _DEFAULT]
    differing = [field for field in plain if getattr(registration, field) != getattr(found, field)]
    differing += [field for field in _FREE_FORM if getattr(registration, field) != _content(getattr(found, field))]
    ours, theirs = mask(registration.auth_cred), _content(found.auth_cred)
    # Somebody may have added what could not be taken along.
    if ours != {name: value for name, value in theirs.items() if name not in wanted.left_out}:
        differing.append("auth_cred")
    return differing


def _content(struct: Struct) -> Mapping[str, object]:
    content: dict[str, object] = MessageToDict(struct)
    return content
