"""Takes commands in the order that people know from kubectl, `get vims` for `vim list`, and `import FILE`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_GROUPS: Final[Mapping[str, str]] = {
    "vim": "vim",
    "vims": "vim",
    "receiver": "receiver",
    "receivers": "receiver",
    "notification": "notification",
    "notifications": "notification",
    "window": "maintenance",
    "windows": "maintenance",
    "profile": "profile",
    "profiles": "profile",
    "context": "profile",
    "contexts": "profile",
}
_EVENTS: Final = frozenset({"event", "events"})
ALIASES: Final[Mapping[str, str]] = {"ls": "list", "get": "show", "describe": "show"}
"""Names of commands that each group takes, beside those that it lists."""
_GET: Final = "get"
_IMPORTS: Final = frozenset({"tacker", "-h", "--help"})
"""What may follow `import`, beside the file that `vim import` is for."""
_VERBS: Final = frozenset({_GET, "describe", "create", "delete"})


def group_first(words: list[str]) -> list[str]:
    """Return the words in the order of vimesh: the group, the command, and what belongs to it."""
    if len(words) < 2:
        return words
    if words[0] == "import" and words[1] not in _IMPORTS:
        # Of a file, and not of another system.
        return ["vim", *words]
    if words[0] not in _VERBS:
        return words
    verb, thing, *others = words
    if verb == _GET and thing in _EVENTS:
        return ["vim", "events", *others]
    if thing not in _GROUPS:
        return words
    return [_GROUPS[thing], *list_unless_named([verb, *others])]


def list_unless_named(words: list[str]) -> list[str]:
    """Return the words of a group with `list` for a `get` that names nothing."""
    names_one = len(words) > 1 and not words[1].startswith("-")
    return ["list", *words[1:]] if words[0] == _GET and not names_one else words
