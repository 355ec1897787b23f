"""Names the fields that an entry may have: those of the contract, of Tacker's files, and of the flags."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from vimesh.cli.input import tacker_file
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.vim_messages import FREE_FORM_FIELDS, TEXT_FIELDS

ALIASES: Final = {"project": "project_id", "default": "is_default"}
"""Names that the flags use, and the fields they stand for."""
TEXTS: Final = TEXT_FIELDS
FREE_FORM: Final = FREE_FORM_FIELDS
POLICY: Final = (
    *("method", "interval", "timeout", "fall", "rise", "tls_verify", "fail_for", "vantages", "quorum"),
    *("depth", "login_interval"),
)
_OTHERS: Final = ("id", "engine", "is_default", "probe_policy", "labels")
_OWN: Final = ("name", *(field for field in (*TEXTS, *_OTHERS, *FREE_FORM) if field != "name"))
REJECTED: Final = "rejected"
"""Field of a rejects file that holds why the entry was refused."""
LEFT_OUT: Final = frozenset(field.name for field in Vim.DESCRIPTOR.fields) - {*_OWN} | {REJECTED}
"""Fields that are accepted and ignored: lists of VIMs contain them, but the server sets them itself."""
TACKERS: Final = tacker_file.KNOWN - {"auth_url", "type", "extra"}
_MEANT: Final = sorted({*_OWN, *POLICY, *TACKERS, *ALIASES})
KNOWN: Final = LEFT_OUT | {*_MEANT}


def unknown(key: object, known: Sequence[str] = ()) -> str:
    """Return a message that the field is unknown, with a suggestion. `known`: the fields of a group."""
    near = get_close_matches(str(key)[:50], known or _MEANT, 1)
    return f"is unknown; did you mean {near[0]}?" if near else f"is unknown; known fields: {', '.join(known or _OWN)}"
