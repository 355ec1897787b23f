"""Finds what was typed for a field of a request, so that a refusal names that instead of the field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from vimesh.cli.command_line import CommandLine

_WORD = re.compile(r"[a-z_]++")
_OTHERS: Final[Mapping[str, Sequence[str]]] = {
    "filter": ("--filter", "--selector", "-l", "--project"),
    "page_size": ("--limit",),
    "project_id": ("--project",),
    "is_default": ("--default", "--no-default"),
    "labels": ("--label", "-l"),
    "vim_id": ("--id",),
    "group_by": ("--group-by", "--by"),
    "auth_cred": ("--config-file", "--cloud", "--kube-context"),
    "vim_project": ("--config-file", "--cloud", "--kube-context"),
    "placement_attr": ("--config-file", "--cloud", "--kube-context"),
    "extra": ("--config-file", "--cloud", "--kube-context"),
    "start_time": ("--from", "--at"),
    "end_time": ("--to", "--until"),
    "duration": ("--for",),
    "ca_pem": ("--ca-file",),
}
"""Flags for fields that they are not called after, by the last word of the path of the field that has one."""
_ARGUMENTS: Final = {
    "name": "NAME",
    "vim_id": "VIM",
    "window_id": "ID",
    "notification_id": "ID",
    "receiver_id": "RECEIVER",
    "labels": "KEY=VALUE",
}


def typed_name(field: str, line: CommandLine) -> str:
    """Return the flag or argument that a field came from; empty if none was typed for it, such as one in a file."""
    for word in reversed(_WORD.findall(field)):
        flags = (f"--{word.replace('_', '-')}", *_OTHERS.get(word, ()))
        for flag in flags:
            if line.has_flag(flag):
                return flag
        if word in _ARGUMENTS and not line.has_flag("--file", "-f"):
            return _ARGUMENTS[word]
    return ""
