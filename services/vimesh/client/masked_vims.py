"""Shows VIMs without their secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from vimesh.client.struct_values import struct
from vimesh.domain.credential_masks import MASK, mask, mask_secrets
from vimesh.domain.endpoints import AuthUrlInvalid, without_credentials
from vimesh.v1.vim_pb2 import Vim

_MASKS: Final[Mapping[str, Callable[[Mapping[str, object]], dict[str, object]]]] = {
    "auth_cred": mask,
    "vim_project": mask_secrets,
    "placement_attr": mask_secrets,
    "extra": mask_secrets,
}


def masked(vim: Vim) -> Vim:
    """Return a copy with `***` in the place of secrets, as the fleet shows VIMs: what may be printed or logged."""
    shown = Vim()
    shown.CopyFrom(vim)
    if vim.auth_url:
        try:
            shown.auth_url = without_credentials(vim.auth_url)
        except AuthUrlInvalid:
            shown.auth_url = MASK
    for name, mask_values in _MASKS.items():
        if vim.HasField(name):  # type: ignore[arg-type]  # fields by name
            field: Struct = getattr(shown, name)
            field.CopyFrom(struct(mask_values(MessageToDict(field))))
    return shown
