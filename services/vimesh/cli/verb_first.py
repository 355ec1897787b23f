"""Takes commands in the order that people know from kubectl, `get vims` and `get vim/lab`, and `import FILE`."""

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
KINDS: Final = (*_GROUPS, "events")
"""What may follow a verb."""
_EVENTS: Final = frozenset({"event", "events"})
ALIASES: Final[Mapping[str, str]] = {"ls": "list", "get": "show", "describe": "show"}
"""Names of commands that each group takes, beside those that it lists."""
_GET: Final = "get"
_IMPORTS: Final = frozenset({"tacker", "-h", "--help"})
"""What may follow `import`, beside the file that `vim import` is for."""
VERBS: Final = frozenset({_GET, "describe", "create", "delete", "label", "set", "wait", "watch"})
_WATCH: Final = frozenset({"-w", "--watch"})


def group_first(words: list[str]) -> list[str]:
    """Return the words in the order of vimesh: the group, the command, and what belongs to it."""
    if len(words) < 2:
        return words
    if words[0] == "import" and words[1] not in _IMPORTS:
        # Of a file, and not of another system.
        return ["vim", *words]
    return _verb_last(*words) if words[0] in VERBS else words


def _verb_last(verb: str, thing: str, *others: str) -> list[str]:
    kind, _, name = thing.partition("/")
    following = [name, *others] if name else list(others)
    if verb == _GET and kind in _EVENTS:
        return ["vim", "events", *following]
    if kind not in _GROUPS:
        return [verb, thing, *others]
    if verb == _GET and _GROUPS[kind] == "vim" and not _WATCH.isdisjoint(following):
        return ["vim", "watch", *(word for word in following if word not in _WATCH)]
    return [_GROUPS[kind], *list_unless_named([verb, *following])]


def list_unless_named(words: list[str]) -> list[str]:
    """Return the words of a group with `list` for a `get` that names nothing."""
    names_one = len(words) > 1 and not words[1].startswith("-")
    return ["list", *words[1:]] if words[0] == _GET and not names_one else words
