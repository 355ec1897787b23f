"""What Envoy may repeat, and where."""

from __future__ import annotations

from vimesh.envoy.typed import extension

_ANOTHER_HOST = extension(
    "envoy.retry_host_predicates.previous_hosts",
    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
)


def repeatable(per_try_s: float) -> dict[str, object]:
    """Retry whatever failed, at another host: for calls that leave the same behind when made twice.

    per_try_s bounds what a hung conductor costs. It must leave room for the queue of a burst: a try that is given up
    while it waits makes the queue longer.
    """
    return _policy("connect-failure,refused-stream,unavailable,reset") | {"per_try_timeout": f"{per_try_s:g}s"}


def untouched_only() -> dict[str, object]:
    """Retry only what certainly no conductor has begun."""
    return _policy("connect-failure,refused-stream")


def _policy(retry_on: str) -> dict[str, object]:
    return {
        "retry_on": retry_on,
        "num_retries": 3,
        "retry_back_off": {"base_interval": "0.01s", "max_interval": "0.1s"},
        # Dead hosts look idle, and the balancer likes idle hosts: of three, two of them dead, it draws the living one
        # once in nine times. Drawing again costs nothing.
        "host_selection_retry_max_attempts": 100,
        "retry_host_predicate": [_ANOTHER_HOST],
    }
