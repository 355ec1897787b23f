"""Derives from a regular expression inputs that may cost it much: long texts that nearly match, and then do not."""

from __future__ import annotations

import importlib
import itertools
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# The parser that `re` itself uses. It is not public, but nothing else shows how `re` understands an expression.
_parser = importlib.import_module("re._parser")
_Tree = Any
"""The parsed expression: pairs of the kind of a node and its content."""
_Saying = Any
_CANDIDATES = string.printable + "\0\x01\x1f\x7f\x85\xa0\xe4\xff"
_MOST_PREFIXES = 24


@dataclass(frozen=True, slots=True)
class Adversary:
    prefix: str
    pump: str
    suffix: str

    def of_size(self, size: int) -> str:
        return self.prefix + self.pump * (size // len(self.pump) + 1) + self.suffix


def adversaries(expression: re.Pattern[Any]) -> Iterator[Adversary]:
    """Yield prefix, pump and suffix in all combinations, starting with short pumps, which show most."""
    tree = _parser.parse(expression.pattern, expression.flags)
    letters = _letters(list(_leaves(tree)))
    if not _repeats(tree):
        # Each place in a text costs no more than the longest match: there is nothing to combine.
        yield from (Adversary("", letter, "") for letter in letters)
        return
    prefixes = ["", *itertools.islice(dict.fromkeys(p for p in _prefixes(tree, "") if p), _MOST_PREFIXES)]
    for prefix, pump, suffix in itertools.product(prefixes, letters, ["", *letters]):
        yield Adversary(prefix, pump, suffix)
    pairs = ["".join(pair) for pair in itertools.permutations(letters, 2)]
    for prefix, pump, suffix in itertools.product(prefixes, [*pairs, *prefixes[1:]], ["", "\0"]):
        yield Adversary(prefix, pump, suffix)


def _letters(leaves: list[Callable[[str], bool]]) -> list[str]:
    """Return one letter of each sort: letters of one sort are in the same classes of the expression."""
    sorts: dict[tuple[bool, ...], str] = {}
    for letter in _CANDIDATES:
        sorts.setdefault(tuple(leaf(letter) for leaf in leaves), letter)
    return sorted({*sorts.values(), "\0"})


def _parts(op: str, argument: _Saying) -> list[_Tree]:
    """Return the expressions inside a node."""
    match op:
        case "BRANCH":
            return list(argument[1])
        case "SUBPATTERN":
            return [argument[3]]
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            return [argument[2]]
        case "ASSERT" | "ASSERT_NOT":
            return [argument[1]]
        case "ATOMIC_GROUP":
            return [argument]
        case _:
            return []


def _repeats(tree: _Tree) -> bool:
    return any(
        str(op).endswith("REPEAT") or any(_repeats(part) for part in _parts(str(op), argument)) for op, argument in tree
    )


def _leaves(tree: _Tree) -> Iterator[Callable[[str], bool]]:
    for op, argument in tree:
        if leaf := _leaf(str(op), argument):
            yield leaf
        for part in _parts(str(op), argument):
            yield from _leaves(part)


def _leaf(op: str, argument: _Saying) -> Callable[[str], bool] | None:
    """Return whether a letter matches, if the node is about one letter."""
    match op:
        case "LITERAL" | "NOT_LITERAL":
            return lambda letter: (ord(letter) == argument) == (op == "LITERAL")
        case "ANY":
            return lambda letter: letter != "\n"
        case "RANGE":
            return lambda letter: argument[0] <= ord(letter) <= argument[1]
        case "CATEGORY":
            return _category(str(argument))
        case "IN":
            negated = str(argument[0][0]) == "NEGATE"
            members = [_leaf(str(each), what) for each, what in argument[negated:]]
            return lambda letter: negated != any(member(letter) for member in members if member)
        case _:
            return None


def _category(name: str) -> Callable[[str], bool]:
    shorthand = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}[name.rpartition("_")[2]]
    shorthand = shorthand.upper() if "_NOT_" in name else shorthand
    return lambda letter: re.fullmatch(shorthand, letter) is not None


def _prefixes(tree: _Tree, before: str) -> Iterator[str]:
    """Yield texts that lead to each node, and past it."""
    for op, argument in tree:
        yield before
        if not str(op).startswith("ASSERT"):
            for part in _parts(str(op), argument):
                yield from _prefixes(part, before)
        before += _sample(str(op), argument)
    yield before


def _sample(op: str, argument: _Saying) -> str:
    """Return the shortest text that matches a node; lookarounds are ignored."""
    if leaf := _leaf(op, argument):
        return next((letter for letter in "a0 " + _CANDIDATES if leaf(letter)), "")
    if op.startswith("ASSERT") or not (parts := _parts(op, argument)):
        return ""
    once = "".join(_sample(str(each), what) for each, what in parts[0])
    return once * max(1, argument[0]) if op.endswith("REPEAT") else once
