"""By which names the front may be called.

A page whose own name is made to lead to the front (DNS rebinding) is of the same origin to its browser, and reads what
it wants. It cannot call the front by another name than its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vimesh.envoy.refusals.refusal_routes import Route, refused
from vimesh.envoy.vocabulary.refusal_statuses import Code, RefusalStatus

FRONT_HOST: Final = "front"
"""What a request of HTTP/1.0 without a host is taken to call."""
_NO_NAME: Final = r"localhost|[0-9.]+|\[[0-9A-Fa-f:.]+\]"
"""Addresses belong to nobody's zone, and localhost does not either."""


def other_hosts(names: Sequence[str]) -> list[Route]:
    """Refuse calls by other names than these; without any, all names are good."""
    if not names:
        return []
    one_of = "|".join((_NO_NAME, FRONT_HOST, *map(re.escape, names)))
    listed = {"safe_regex": {"regex": f"(?i)({one_of})(:[0-9]+)?"}}
    other: dict[str, object] = {"name": ":authority", "string_match": listed, "invert_match": True}
    says = RefusalStatus(Code.PERMISSION_DENIED, "the front is not called by this name: see hosts in the fleet file")
    return refused(421, [{**other, "treat_missing_header_as_empty": True}], says)
