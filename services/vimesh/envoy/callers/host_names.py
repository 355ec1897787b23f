"""Restricts the host names under which the front may be called.

If a page's own host name is made to resolve to the front (DNS rebinding), the browser considers both to be of the same
origin, and the page can read anything. But its requests carry the page's host name, by which they are refused here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from vimesh.envoy.refusals.refusal_routes import Route, refused
from vimesh.envoy.vocabulary.refusal_statuses import Code, RefusalStatus

FRONT_HOST: Final = "front"
"""Host that is assumed for an HTTP/1.0 request without one."""
_NO_NAME: Final = r"localhost|[0-9.]+|\[[0-9A-Fa-f:.]+\]"
"""IP addresses and localhost: they are not in any DNS zone, so they cannot be rebound."""


def other_hosts(names: Sequence[str]) -> list[Route]:
    """Refuse calls under other names than these; if there are none, allow all names."""
    if not names:
        return []
    one_of = "|".join((_NO_NAME, FRONT_HOST, *map(re.escape, names)))
    listed = {"safe_regex": {"regex": f"(?i)({one_of})(:[0-9]+)?"}}
    other: dict[str, object] = {"name": ":authority", "string_match": listed, "invert_match": True}
    says = RefusalStatus(Code.PERMISSION_DENIED, "unknown host name of the front: see hosts in the fleet file")
    return refused(421, [{**other, "treat_missing_header_as_empty": True}], says)
