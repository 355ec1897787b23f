"""What Envoy may repeat, and where.

No try has a time-out of its own: one that is slow because the fleet is busy would be given up and made again, and make
it busier.
"""

from __future__ import annotations

from typing import Final

from vimesh.envoy.vocabulary.extensions import extension

_ANOTHER_HOST: Final = extension(
    "envoy.retry_host_predicates.previous_hosts",
    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
)


def budget(min_repeats: int) -> dict[str, object]:
    """Return how many repeats may be under way at a time.

    They are a fifth of what is under way at most, and so cannot make an overload of a load. A conductor that is killed
    has all its calls repeated in one moment, before they count as under way again: that is what `min_repeats` is for.
    """
    return {"budget_percent": {"value": 20}, "min_retry_concurrency": min_repeats}


def repeatable() -> dict[str, object]:
    """Repeat what broke off, once and at another conductor: for calls that leave the same behind when made twice.

    Once, because the request itself may be what killed the conductor: it must not go through all of them. Conductors
    mark an UNAVAILABLE that would be the same elsewhere (see rpc/guarded_server.py); that one is not repeated either.
    """
    return _policy("connect-failure,refused-stream,unavailable,reset", repeats=1)


def untouched_only() -> dict[str, object]:
    """Repeat only what certainly no conductor has begun: it can have harmed none."""
    return _policy("connect-failure,refused-stream", repeats=3)


def _policy(retry_on: str, *, repeats: int) -> dict[str, object]:
    return {
        "retry_on": retry_on,
        "num_retries": repeats,
        "retry_back_off": {"base_interval": "0.01s", "max_interval": "0.1s"},
        # Dead hosts look idle, and the balancer likes idle hosts: of three, two of them dead, it draws the living one
        # once in nine times. Drawing again costs nothing.
        "host_selection_retry_max_attempts": 100,
        "retry_host_predicate": [_ANOTHER_HOST],
    }
