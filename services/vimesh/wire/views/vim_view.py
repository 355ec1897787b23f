"""Converts VIMs to what a caller is shown of them."""

from __future__ import annotations

from vimesh.domain.access.caller import OPEN_CALLER, Caller, without_action_id
from vimesh.domain.vims import Vim
from vimesh.v1 import vim_pb2
from vimesh.wire.views.read_masks import WHOLE_VIM, ReadMask
from vimesh.wire.vim_messages import vim_message


def shown_vim(vim: Vim, caller: Caller, read_mask: ReadMask = WHOLE_VIM) -> vim_pb2.Vim:
    """Return the fields that the caller has asked for, without an action id that it may not know."""
    shown = vim if caller is OPEN_CALLER else without_action_id(vim, caller.shown_engines)
    return read_mask.apply(vim_message(shown))
