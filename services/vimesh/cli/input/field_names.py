"""The fields that an entry may have: of the contract, of Tacker's files, and of the flags."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from vimesh.cli.input import tacker_file
from vimesh.v1.vim_pb2 import Vim

ALIASES: Final = {"project": "project_id", "default": "is_default"}
"""Words of the flags."""
TEXTS: Final = ("name", "project_id", "description", "type", "auth_url")
FREE_FORM: Final = ("vim_project", "auth_cred", "placement_attr", "extra")
POLICY: Final = ("method", "interval", "timeout", "fall", "rise", "tls_verify", "fail_for")
_OTHERS: Final = ("id", "engine", "is_default", "probe_policy")
_OWN: Final = (*TEXTS, *_OTHERS, *FREE_FORM)
REJECTED: Final = "rejected"
"""Why an entry was refused, in the file of those that were."""
LEFT_OUT: Final = frozenset(field.name for field in Vim.DESCRIPTOR.fields) - {*_OWN} | {REJECTED}
"""What a list of VIMs shows and the server sets itself."""
TACKERS: Final = tacker_file.KNOWN - {"auth_url", "type", "extra"}
_MEANT: Final = sorted({*_OWN, *POLICY, *TACKERS, *ALIASES})
KNOWN: Final = LEFT_OUT | {*_MEANT}


def unknown(key: object, known: Sequence[str] = ()) -> str:
    """Say that there is no such field, and which one may be meant. `known`: those of a group."""
    near = get_close_matches(str(key)[:50], known or _MEANT, 1)
    return f"is not known; did you mean {near[0]}?" if near else f"is not known; known are {', '.join(known or _OWN)}"
