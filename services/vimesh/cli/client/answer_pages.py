"""Guards against lists whose pages never end."""

from __future__ import annotations

from vimesh.cli.base.exits import Failure

_MAX_ITEMS = 1_000_000
"""Ten times the number of VIMs that a fleet is designed for."""


def next_token(token: str, items: int, total: int) -> str:
    """Return the token of the next page; empty after the last page. Raises Failure if the pages seem never to end.

    `items`: number of items in the last page; `total`: number of items in all pages so far.
    """
    if token and not items:
        raise Failure("the fleet returned an empty page before the end of the list")
    if token and total >= _MAX_ITEMS:
        raise Failure(f"the fleet returned a list of more than {_MAX_ITEMS} items", hint="use --limit")
    return token
