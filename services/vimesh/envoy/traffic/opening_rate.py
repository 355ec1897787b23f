"""Limits how often streams for people may be opened, and pages read.

Opening a stream costs a conductor as much as ten reports, and pages are read by strangers.
"""

from __future__ import annotations

from typing import Final

from vimesh.envoy.vocabulary.extensions import extension, typed

_NAME: Final = "envoy.filters.http.local_ratelimit"
_TYPE: Final = "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit"
_PER_S: Final = 200
"""A third of the rate at which two conductors can open them when they do nothing else."""
BURST: Final = 1_000
"""Number of screens that may reconnect together, such as after a restart of Envoy."""
_FILLS_PER_S: Final = 10
_PAGES_PER_S: Final = 500
"""A third of what a console serves when it does nothing else."""
_PAGES_BURST: Final = 2_000


def opening_rate() -> dict[str, object]:
    """Return the filter. It applies only the limits that routes set, so it must come after the transcoder."""
    return extension(_NAME, _TYPE, stat_prefix="watches")


def of_watches() -> dict[str, object]:
    """Return the settings of the filter on the routes of such streams."""
    return _limit("watches", _PER_S, BURST)


def of_pages() -> dict[str, object]:
    """Return the settings of the filter on the routes to the console, which serves strangers."""
    return _limit("pages", _PAGES_PER_S, _PAGES_BURST)


def _limit(name: str, per_s: int, burst: int) -> dict[str, object]:
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    bucket = {
        "max_tokens": burst,
        "tokens_per_fill": per_s // _FILLS_PER_S,
        "fill_interval": f"{1 / _FILLS_PER_S:g}s",
    }
    limit = {"stat_prefix": name, "token_bucket": bucket, "filter_enabled": always, "filter_enforced": always}
    return {_NAME: typed(_TYPE, **limit)}
