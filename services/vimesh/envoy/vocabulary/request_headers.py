"""Filters the headers of callers before they reach conductors.

gRPC itself reads some headers of a request before our code runs. It refuses values that it cannot parse as INTERNAL,
and keeps them in the header compression table of the connection, where they break later calls. Envoy shares its
connections to conductors between all callers, so one caller could break the calls of others.
"""

from __future__ import annotations

from typing import Final

from vimesh.envoy.vocabulary.extensions import extension, typed

_NAME: Final = "envoy.filters.http.header_mutation"
_TYPE: Final = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"

_TIMEOUT: Final = r"[0-9]{1,8}[HMSmun]"
"""The format that the gRPC protocol specifies."""
_PATH: Final = "[!-~]*"
_ENCODING: Final = "identity|gzip|deflate"
_UNUSED: Final = (
    *("grpc-previous-rpc-attempts", "grpc-retry-pushback-ms", "grpc-status", "grpc-message"),
    *("lb-token", "grpclb_client_stats"),
)
"""Headers that gRPC reads but that callers do not need to send."""


def drop_unused() -> dict[str, object]:
    """Return the filter that drops headers that conductors do not need; it must precede the filters for gRPC calls."""
    names = [{"remove": name} for name in _UNUSED]
    patterns = [_remove_matching(suffix="-bin"), _remove_matching(prefix="grpc-internal-")]
    return extension(_NAME, _TYPE, mutations={"request_mutations": [*names, *patterns]})


def drop_grpc() -> dict[str, object]:
    """Return the filter's settings on a route for other requests than gRPC: drop their meaningless `grpc-` headers."""
    mutations = {"request_mutations": [_remove_matching(prefix="grpc-")]}
    return {_NAME: typed(f"{_TYPE}PerRoute", mutations=mutations)}


def malformed_timeout() -> list[dict[str, object]]:
    """Return the header matchers of a request whose `grpc-timeout` is malformed."""
    return _other_than("grpc-timeout", _TIMEOUT)


def unprintable_path() -> list[dict[str, object]]:
    """Return the header matchers of a request whose path or query is not all printable ASCII.

    gRPC's server decodes the path as UTF-8 in the loop that accepts calls. If that fails, the loop and the server end.
    """
    return _other_than(":path", _PATH)


def unknown_encoding() -> list[dict[str, object]]:
    """Return the header matchers of a request whose compression conductors do not support."""
    return _other_than("grpc-encoding", _ENCODING)


def _other_than(name: str, regex: str) -> list[dict[str, object]]:
    return [
        {"name": name, "present_match": True},
        {"name": name, "string_match": {"safe_regex": {"regex": regex}}, "invert_match": True},
    ]


def _remove_matching(**pattern: str) -> dict[str, object]:
    return {"remove_on_match": {"key_matcher": pattern}}
