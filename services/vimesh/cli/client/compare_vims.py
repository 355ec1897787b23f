"""Compares a VIM of the fleet with a registration."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from vimesh.domain.credential_masks import mask, mask_secrets
from vimesh.domain.vims import Registration
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.vim_messages import FREE_FORM_FIELDS, INPUT_FIELDS

_SEPARATE = {"auth_cred", "probe_policy"}
_PLAIN = tuple(field for field in INPUT_FIELDS if field not in {*FREE_FORM_FIELDS, *_SEPARATE})
_FREE_FORM = tuple(field for field in FREE_FORM_FIELDS if field not in _SEPARATE)


def differences(
    wanted: Registration, found: Vim, *, ignored: Collection[str] = (), left_out: Collection[str] = ()
) -> list[str]:
    """Return the fields that differ.

    The engine and the probe policy are not compared, because a migration changes them. Of secrets, only the names are
    compared, because the fleet masks the values; secrets in `left_out` may be present or missing.
    """
    plain = [field for field in _PLAIN if field not in ignored]
    differing = [field for field in plain if getattr(wanted, field) != getattr(found, field)]
    differing += [
        field for field in _FREE_FORM if mask_secrets(getattr(wanted, field)) != _content(getattr(found, field))
    ]
    ours, theirs = mask(wanted.auth_cred), _content(found.auth_cred)
    # A user may have added the secrets that were not imported.
    if ours != {name: value for name, value in theirs.items() if name not in left_out}:
        differing.append("auth_cred")
    return differing


def _content(struct: Struct) -> Mapping[str, object]:
    content: dict[str, object] = MessageToDict(struct)
    return content
