"""Says what may stand where the cursor is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from vimesh.cli.completion.complete_filter import filter_candidates
from vimesh.cli.verb_first import KINDS, VERBS, group_first

Answers = Mapping[str, Any]
"""What is known of the fleet.

`vims`, `receivers` and `profiles` are names, `projects` are IDs, `labels` has the values by their keys.
"""

FILES: Final = "files"
"""Kind of a value that shells complete by themselves."""
VIMS: Final = "vims"
RECEIVERS: Final = "receivers"
PROFILES: Final = "profiles"
PROJECTS: Final = "projects"
FILTER: Final = "filter"
SELECTOR: Final = "selector"
LABELS: Final = "labels"
"""A VIM, and then labels to set or to remove."""
FILTER_FIELDS: Final = "filter_fields"
"""Where the table has what filters compare."""

_MOST: Final = 1000
_SAFE: Final = frozenset("._-:/@+,=!")


def candidates(
    table: Mapping[str, Any], words: Sequence[str], word: str, answers: Callable[[], Answers]
) -> list[str] | None:
    """Return what the word may become, in order; None: names of files.

    Args:
        table: That of `completion_words.json`, of all commands.
        words: Those before the word, without the program.
        word: What is typed of it.
        answers: Called if something of the fleet may stand there.
    """
    if len(words) == 1 and words[0] in VERBS and "/" not in word:
        return [kind for kind in KINDS if kind.startswith(word)]
    *before, typed = group_first([*words, word])
    # Of `get vim/lab`, only what is behind the slash is the name.
    lead = word.removesuffix(typed)
    found = _Place(table).at(before).candidates(typed, answers)
    return None if found is None else [lead + each for each in found]


class _Place:
    """Where in the table of commands the cursor is, and whether the value of a flag is to follow."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._command = table
        self._filter_fields: Mapping[str, Any] = table.get(FILTER_FIELDS, {})
        self._value: Any = None
        self._arguments = 0
        self._takes_flags = True

    def at(self, words: Iterable[str]) -> _Place:
        for word in words:
            self._pass(word)
        return self

    def _pass(self, word: str) -> None:
        if self._value is not None:
            self._value = None
        elif word == "--" and self._takes_flags:
            self._takes_flags = False
        elif word.startswith("-") and self._takes_flags:
            name, equals, _ = word.partition("=")
            self._value = None if equals else self._flags.get(name)
        elif "commands" in self._command:
            name = self._command["aliases"].get(word, word)
            self._command = self._command["commands"].get(name, {})
        else:
            self._arguments += 1

    @property
    def _flags(self) -> Mapping[str, Any]:
        flags: Mapping[str, Any] = self._command.get("flags", {})
        return flags

    def candidates(self, word: str, answers: Callable[[], Answers]) -> list[str] | None:
        if self._value is not None:
            return self._values(self._value, word, 0, answers)
        if word.startswith("-") and self._takes_flags:
            name, equals, value = word.partition("=")
            if not equals:
                return [flag for flag in self._flags if flag.startswith(word)]
            values = self._values(self._flags.get(name), value, 0, answers)
            return None if values is None else [f"{name}={each}" for each in values]
        if "commands" in self._command:
            return [name for name in self._command["commands"] if name.startswith(word)]
        arguments = self._command.get("arguments", ())
        if not arguments:
            return []
        return self._values(arguments[min(self._arguments, len(arguments) - 1)], word, self._arguments, answers)

    def _values(  # noqa: PLR0911 - one return per kind
        self,
        kind: Any,  # noqa: ANN401 - JSON
        word: str,
        number: int,
        answers: Callable[[], Answers],
    ) -> list[str] | None:
        """`number`: how many arguments of the command are before the word."""
        if isinstance(kind, list):
            # Words of capitals may be typed as small letters.
            return [choice for choice in kind if choice.startswith((word, word.upper()))]
        if kind == FILES:
            return None
        if kind in (VIMS, RECEIVERS, PROFILES, PROJECTS):
            return _names(answers(), kind, word)
        if kind == SELECTOR:
            head, comma, term = word.rpartition(",")
            return [f"{head}{comma}{each}" for each in _labels(answers(), term)]
        if kind == LABELS:
            return [*([] if number else _names(answers(), VIMS, word)), *_labels(answers(), word)]
        if kind == FILTER:
            return filter_candidates(self._filter_fields, word, lambda field: _of_field(answers(), field))
        return []


def _names(answers: Answers, kind: str, word: str) -> list[str]:
    return _shown(name for name in answers.get(kind, ()) if name.startswith(word))


def _of_field(answers: Answers, field: str) -> list[str]:
    """Return what the fleet has of a field that filters compare."""
    labels: Mapping[str, Sequence[str]] = answers.get("labels", {})
    match field.partition("."):
        case "name", "", _:
            return _shown(answers.get(VIMS, ()))
        case "project_id", "", _:
            return _shown(answers.get(PROJECTS, ()))
        case "labels", "", _:
            return _shown(labels)
        case "labels", _, key:
            return _shown(labels.get(key, ()))
    return []


def _labels(answers: Answers, term: str) -> list[str]:
    """Return `KEY=VALUE` for all labels that a term may become; after `!`, their keys."""
    labels: Mapping[str, Sequence[str]] = answers.get("labels", {})
    if term.startswith("!"):
        return _shown(f"!{key}" for key in labels if key.startswith(term[1:]))
    equals = "!=" if "!=" in term else "="
    pairs = (f"{key}{equals}{value}" for key, values in labels.items() for value in values)
    return _shown(pair for pair in pairs if pair.startswith(term))


def _shown(texts: Iterable[str]) -> list[str]:
    """Return those that a shell takes as they are: names are untrusted, and some shells evaluate what they are given.

    Of too many, the first and the last stay: shells complete what all have in common, and that is the same.
    """
    fitting = [text for text in texts if is_plain(text)]
    return fitting if len(fitting) <= _MOST else [*fitting[: _MOST // 2], *fitting[-_MOST // 2 :]]


def is_plain(text: str) -> bool:
    """Return whether no shell does anything with the text but take it as it is."""
    return all(each.isalnum() or each in _SAFE for each in text)
