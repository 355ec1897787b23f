"""Defines which labels a VIM may have: their syntax is that of Kubernetes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from vimesh.domain.errors import Violation

MAX_LABELS: Final = 64
"""Maximum number of labels of a VIM."""
MAX_KEY: Final = 317
"""Maximum number of characters of a key: a prefix of 253, a slash, and a name of 63."""
MAX_VALUE: Final = 63
_NAME_SYNTAX: Final = "1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
_KEY_SYNTAX: Final = f"use {_NAME_SYNTAX}, after an optional DNS name and '/'"
_VALUE_SYNTAX: Final = f"use {_NAME_SYNTAX}, or nothing"
_MAX_PREFIX = 253
_SHOWN = 50
"""Maximum number of characters of a key in a message."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*+")


def is_key(text: str) -> bool:
    """Return whether a text may be the key of a label, such as `region` or `example.com/owner`."""
    if len(text) > MAX_KEY:
        return False
    prefix, slash, name = text.rpartition("/")
    if slash and (len(prefix) > _MAX_PREFIX or _PREFIX.fullmatch(prefix) is None):
        return False
    return _NAME.fullmatch(name) is not None


def is_value(text: str) -> bool:
    """Return whether a text may be the value of a label."""
    return not text or (len(text) <= MAX_VALUE and _NAME.fullmatch(text) is not None)


def violations(labels: Mapping[str, str]) -> list[Violation]:
    """Return what is wrong with labels. Of many wrong ones, the first are named."""
    if len(labels) > MAX_LABELS:
        return [too_many()]
    wrong: list[Violation] = []
    for key, value in labels.items():
        if not is_key(key):
            wrong.append(Violation("vim.labels", f"{key[:_SHOWN]!r} is no key: {_KEY_SYNTAX}"))
        elif not is_value(value):
            wrong.append(Violation(f"vim.labels.{key}", f"{value[:_SHOWN]!r} is no value: {_VALUE_SYNTAX}"))
    return wrong


def too_many() -> Violation:
    return Violation("vim.labels", f"a VIM may have at most {MAX_LABELS} labels")
