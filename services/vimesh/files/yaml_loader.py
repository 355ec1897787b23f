"""PyYAML's safe loader, with constructors of scalars that fail fast, and always with the same exception."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import yaml

from vimesh.files.file_limits import MAX_DIGITS
from vimesh.files.number_texts import kept_as_written

# libyaml's parser is about ten times as fast as the one in Python, but not part of every PyYAML.
_BASE: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBERS: Final = ("int", "float", "timestamp")
_KEPT: Final = ("int", "float")
_OTHERS: Final = ("bool", "null", "binary")
_Construct = Callable[[Any, Any], object]


def loader_class(base: Any, *, keep_written: bool = False) -> Any:  # noqa: ANN401 - the parsers in C and in Python share no class
    """Return a subclass of a safe loader, with bounded constructors.

    `keep_written`: whether numbers know their text, as `number_texts` has them. They cannot be dumped as YAML.
    """
    made: Any = type("BoundedLoader", (base,), {})
    for kind in (*_NUMBERS, *_OTHERS):
        tag = f"tag:yaml.org,2002:{kind}"
        construct = base.yaml_constructors[tag]
        if keep_written and kind in _KEPT:
            construct = _as_written(construct)
        made.add_constructor(tag, _bounded(construct, long=kind not in _NUMBERS))
    return made


def _as_written(construct: _Construct) -> _Construct:
    def constructed(loader: Any, node: Any) -> object:  # noqa: ANN401 - of either parser
        return kept_as_written(construct(loader, node), node.value)

    return constructed


def _bounded(construct: _Construct, *, long: bool) -> _Construct:
    def constructed(loader: Any, node: Any) -> object:  # noqa: ANN401 - of either parser
        # 1:1:1:... is a number in base 60: a megabyte of it takes minutes.
        if not long and isinstance(node.value, str) and len(node.value) > MAX_DIGITS:
            raise _unreadable(f"holds a number of more than {MAX_DIGITS} digits", node)
        try:
            return construct(loader, node)
        except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError):
            # PyYAML assumes that a scalar fits its tag, unlike `!!bool maybe` or the 99th of December.
            raise _unreadable("holds a value that does not match its tag", node) from None

    return constructed


def _unreadable(problem: str, node: Any) -> yaml.YAMLError:  # noqa: ANN401 - of either parser
    return ScalarUnreadable(None, None, problem, node.start_mark)


class ScalarUnreadable(yaml.constructor.ConstructorError):
    """A scalar cannot be converted. `problem` quotes nothing of the file."""


LOADER: Final[Any] = loader_class(_BASE)
WRITTEN_LOADER: Final[Any] = loader_class(_BASE, keep_written=True)
