"""Which headers of callers reach conductors.

gRPC itself reads some headers of a request before any code of ours. It refuses what it cannot parse as INTERNAL, and
keeps such a value in the compression table of the connection, where it spoils later calls. Envoy shares its connections
to conductors between all callers, so one caller could spoil the calls of others.
"""

from __future__ import annotations

from typing import Final

from vimesh.envoy.vocabulary.extensions import extension, typed

_NAME: Final = "envoy.filters.http.header_mutation"
_TYPE: Final = "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation"

_TIMEOUT: Final = r"[0-9]{1,8}[HMSmun]"
"""What the gRPC protocol allows."""
_PATH: Final = "[!-~]*"
_ENCODING: Final = "identity|gzip|deflate"
_UNUSED: Final = (
    *("grpc-previous-rpc-attempts", "grpc-retry-pushback-ms", "grpc-status", "grpc-message"),
    *("lb-token", "grpclb_client_stats"),
)
"""Headers that gRPC reads and that no caller has to send."""


def drop_unused() -> dict[str, object]:
    """Return the filter that drops what no conductor needs: it has to come first."""
    names = [{"remove": name} for name in _UNUSED]
    patterns = [_remove_matching(suffix="-bin"), _remove_matching(prefix="grpc-internal-")]
    return extension(_NAME, _TYPE, mutations={"request_mutations": [*names, *patterns]})


def drop_grpc() -> dict[str, object]:
    """Return what a route of requests that are not gRPC adds to that: their `grpc-` headers mean nothing."""
    mutations = {"request_mutations": [_remove_matching(prefix="grpc-")]}
    return {_NAME: typed(f"{_TYPE}PerRoute", mutations=mutations)}


def malformed_timeout() -> list[dict[str, object]]:
    """Return the header matchers of a request whose `grpc-timeout` breaks the protocol."""
    return _other_than("grpc-timeout", _TIMEOUT)


def unprintable_path() -> list[dict[str, object]]:
    """Return the header matchers of a request whose path or query holds anything but printable ASCII.

    gRPC's server decodes it as UTF-8 in the loop that accepts calls. Where that fails, the loop ends, and the server.
    """
    return _other_than(":path", _PATH)


def unknown_encoding() -> list[dict[str, object]]:
    """Return the header matchers of a request that is compressed in a way that no conductor reads."""
    return _other_than("grpc-encoding", _ENCODING)


def _other_than(name: str, regex: str) -> list[dict[str, object]]:
    return [
        {"name": name, "present_match": True},
        {"name": name, "string_match": {"safe_regex": {"regex": regex}}, "invert_match": True},
    ]


def _remove_matching(**pattern: str) -> dict[str, object]:
    return {"remove_on_match": {"key_matcher": pattern}}
