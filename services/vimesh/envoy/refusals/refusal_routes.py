"""Builds routes that refuse a request before it is processed, with the statuses of the contract."""

from __future__ import annotations

from vimesh.envoy.vocabulary.extensions import GRPC_CONTENT, switched_off
from vimesh.envoy.vocabulary.header_size import MAX_HEADERS, MAX_HEADERS_KB, too_long
from vimesh.envoy.vocabulary.refusal_statuses import Code, RefusalStatus
from vimesh.envoy.vocabulary.request_headers import malformed_timeout, unknown_encoding, unprintable_path

Matchers = list[dict[str, object]]
Route = dict[str, object]

TOO_LONG = RefusalStatus(
    Code.RESOURCE_EXHAUSTED,
    f"the headers are too long: at most {MAX_HEADERS_KB} kB in {MAX_HEADERS} headers",
    "BAD_INPUT",
)


def answer(status: int, message: str) -> dict[str, object]:
    """Return the direct response. The local replies (local_replies.py) give it the format that the caller expects."""
    return {"status": status, "body": {"inline_string": message}}


def to_nowhere() -> dict[str, object]:
    """Return the action of a route to a cluster that does not exist."""
    return {"cluster": "nowhere", "cluster_not_found_response_code": "NOT_FOUND"}


def refused_calls(when: Matchers, status: RefusalStatus) -> Route:
    """Refuse the gRPC calls that match."""
    told = {
        "grpc-status": str(int(status.code)),
        "grpc-message": status.message,
        "grpc-status-details-bin": status.as_header(),
    }
    return {
        "match": {"prefix": "/", "headers": [GRPC_CONTENT, *when]},
        # For any other HTTP status, the gRPC-Web filter would set a gRPC status of its own.
        "direct_response": {"status": 200},
        "response_headers_to_add": [{"header": {"key": name, "value": value}} for name, value in told.items()],
    }


def refused_requests(http_status: int, when: Matchers, status: RefusalStatus) -> Route:
    """Refuse the requests that match and are not gRPC."""
    return {
        "match": {"prefix": "/", "headers": when},
        "direct_response": answer(http_status, status.message),
        # Otherwise the transcoder would turn the request into a call, which would take another route.
        "typed_per_filter_config": switched_off("envoy.filters.http.grpc_json_transcoder"),
    }


def refused(http_status: int, when: Matchers, status: RefusalStatus) -> list[Route]:
    """Refuse the requests that match, whichever protocol they use."""
    return [refused_calls(when, status), refused_requests(http_status, when, status)]


def unreadable() -> list[Route]:
    """Refuse requests that gRPC would refuse at random, or with effects on other calls, or that would end its server.

    See header_size.py and request_headers.py.
    """
    timeout = RefusalStatus(Code.INVALID_ARGUMENT, "grpc-timeout is malformed", "BAD_INPUT")
    encoding = RefusalStatus(Code.UNIMPLEMENTED, "grpc-encoding must be identity, gzip or deflate")
    path = RefusalStatus(
        Code.INVALID_ARGUMENT, "the path contains characters that are not printable ASCII", "BAD_INPUT"
    )
    return [
        *refused(431, too_long(), TOO_LONG),
        refused_calls(unprintable_path(), path),
        refused_calls(malformed_timeout(), timeout),
        refused_calls(unknown_encoding(), encoding),
    ]
