"""Answers balancers in front of the mesh: whether Envoy is alive, and whether a conductor behind it serves."""

from __future__ import annotations

from typing import Final

from vimesh.envoy.refusals.refusal_routes import Route
from vimesh.envoy.traffic.call_classes import READS
from vimesh.envoy.vocabulary.extensions import extension, method_is

LIVE: Final = "/healthz"
READY: Final = "/readyz"
_READS: Final = "GET|HEAD"
_AT_LEAST_ONE: Final = {"value": 1}
"""Percentage of the conductors, the lowest that Envoy accepts: one conductor, if there are up to a hundred."""


def readiness() -> dict[str, object]:
    """Return the filter that answers READY: 200 while a conductor reports SERVING and Envoy itself is not draining."""
    path = {"name": ":path", "string_match": {"safe_regex": {"regex": rf"{READY}(\?.*)?"}}}
    return extension(
        "envoy.filters.http.health_check",
        "envoy.extensions.filters.http.health_check.v3.HealthCheck",
        pass_through_mode=False,
        headers=[path, method_is(_READS)],
        cluster_min_healthy_percentages={READS.name: _AT_LEAST_ONE},
    )


def live() -> Route:
    return {
        "match": {"path": LIVE, "headers": [method_is(_READS)]},
        "direct_response": {"status": 200, "body": {"inline_string": "ok\n"}},
    }
