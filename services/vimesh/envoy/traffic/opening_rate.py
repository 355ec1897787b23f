"""How often streams for people may be opened: to open one costs a conductor as much as ten reports."""

from __future__ import annotations

from typing import Final

from vimesh.envoy.vocabulary.extensions import extension, typed

_NAME: Final = "envoy.filters.http.local_ratelimit"
_TYPE: Final = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_PER_S: Final = 200
"""A third of what two conductors can open when they do nothing else."""
BURST: Final = 1_000
"""Screens that come back together, as after a restart of Envoy."""
_FILLS_PER_S: Final = 10


def opening_rate() -> dict[str, object]:
    """Return the filter. It limits nothing but what a route says: it has to come behind the transcoder."""
    return extension(_NAME, _TYPE, stat_prefix="watches")


def of_watches() -> dict[str, object]:
    """Return what the routes of such streams say to the filter."""
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    bucket = {
        "max_tokens": BURST,
        "tokens_per_fill": _PER_S // _FILLS_PER_S,
        "fill_interval": f"{1 / _FILLS_PER_S:g}s",
    }
    limit = {"stat_prefix": "watches", "token_bucket": bucket, "filter_enabled": always, "filter_enforced": always}
    return {_NAME: typed(_TYPE, **limit)}
