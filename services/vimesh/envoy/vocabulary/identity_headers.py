"""Matches the headers in which the front says who calls, and drops those that callers send.

Nobody can forge them, whether the fleet is secured or not. With underscores they would be the same headers to a WSGI
server.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from vimesh.domain.access.caller import CallerRole
from vimesh.rpc.caller_metadata import IDENTITY, ROLES

_OURS: Final = "x[-_]vimesh[-_].*"


def drop_forged() -> dict[str, object]:
    """Return the mutation that drops all headers that only Envoy may write."""
    return {"remove_on_match": {"key_matcher": {"safe_regex": {"regex": _OURS}}}}


def has_identity() -> dict[str, object]:
    return {"name": IDENTITY, "present_match": True}


def has_role(roles: Iterable[CallerRole]) -> dict[str, object]:
    """Match the callers that have one of the roles."""
    one_of = "|".join(sorted(roles))
    return {"name": ROLES, "string_match": {"safe_regex": {"regex": f"(.*,)?({one_of})(,.*)?"}}}
