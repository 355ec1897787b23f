"""Defines which calls Envoy may retry, and where.

Attempts have no timeout of their own: a call that is slow because the fleet is busy would be abandoned and retried,
which would make the fleet busier.
"""

from __future__ import annotations

from typing import Final

from vimesh.envoy.vocabulary.extensions import extension

_ANOTHER_HOST: Final = extension(
    "envoy.retry_host_predicates.previous_hosts",
    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
)


def budget(min_repeats: int) -> dict[str, object]:
    """Return how many retries may be in flight at a time.

    They are limited to a fifth of the calls in flight, so that retries cannot turn a high load into an overload. If a
    conductor is killed, all its calls are retried at once, before they count as in flight again: `min_repeats` is for
    that.
    """
    return {"budget_percent": {"value": 20}, "min_retry_concurrency": min_repeats}


def repeatable() -> dict[str, object]:
    """Retry a call that failed on the way, once and at another conductor; for calls that are idempotent.

    Only once, because the request itself may have killed the conductor, and must not be sent to all of them. Conductors
    mark an UNAVAILABLE that would be the same elsewhere (see rpc/guarded_server.py); Envoy does not retry it either.
    """
    return _policy("connect-failure,refused-stream,unavailable,reset", repeats=1)


def untouched_only() -> dict[str, object]:
    """Retry only calls that certainly no conductor has started, and that therefore cannot have harmed one."""
    return _policy("connect-failure,refused-stream", repeats=3)


def _policy(retry_on: str, *, repeats: int) -> dict[str, object]:
    return {
        "retry_on": retry_on,
        "num_retries": repeats,
        "retry_back_off": {"base_interval": "0.01s", "max_interval": "0.1s"},
        # Dead hosts look idle, and the balancer prefers idle hosts: of three hosts, two of them dead, it draws the live
        # one only once in nine times. Drawing again costs nothing.
        "host_selection_retry_max_attempts": 100,
        "retry_host_predicate": [_ANOTHER_HOST],
    }
