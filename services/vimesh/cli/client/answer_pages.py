"""Whether pages of answers lead to an end."""

from __future__ import annotations

from vimesh.cli.base.exits import Failure

_MAX_ITEMS = 1_000_000
"""Ten times as many VIMs as a fleet is made for."""


def next_token(token: str, items: int, total: int) -> str:
    """Return the token of the next page, which is empty after the last one. Raises Failure if pages never end.

    `items`: how many the last page had; `total`: how many all pages had.
    """
    if token and not items:
        raise Failure("the list that the fleet answers with has an empty page before its end")
    if token and total >= _MAX_ITEMS:
        raise Failure(f"the list that the fleet answers with is longer than {_MAX_ITEMS}", hint="--limit ends it")
    return token
