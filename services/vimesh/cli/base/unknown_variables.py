"""Warns of environment variables that look like a misspelt setting: they have no effect."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from vimesh.cli.base.terminal import clipped, printable

_PREFIX: Final = "VIMESH_"
_ALIKE: Final = 0.75
"""`ADRESS` is that much like `ADDRESS`. `PORT`, which Kubernetes sets for a service named vimesh, is no `UP_PORT`."""


def warn_of_misspelt(
    environment: Mapping[str, str], usual: Iterable[str], all_known: Callable[[], Iterable[str]]
) -> None:
    """Print a line for each variable that has no meaning, but nearly the name of one that has.

    `usual`: some of those that have a meaning. The others are asked for only if there is another one.
    """
    others = _bare(name for name in environment if name.startswith(_PREFIX)) - _bare(usual)
    if not others:
        return
    names = _bare(all_known())
    others -= names
    if not others:
        return
    from difflib import get_close_matches  # noqa: PLC0415 - there are none as a rule

    for name in sorted(others):
        if alike := get_close_matches(name, names, n=1, cutoff=_ALIKE):
            line = f"warning: {_PREFIX}{name} has no effect; did you mean {_PREFIX}{alike[0]}?"
            print(printable(clipped(line)), file=sys.stderr)  # noqa: T201 - for people, apart from the data


def _bare(names: Iterable[str]) -> frozenset[str]:
    return frozenset(name.removeprefix(_PREFIX) for name in names)
