"""What Envoy itself says to a caller that does not speak gRPC: a google.rpc.Status, like every other error."""

from __future__ import annotations

# google.rpc.Code
_INVALID_ARGUMENT = 3
_DEADLINE_EXCEEDED = 4
_NOT_FOUND = 5
_RESOURCE_EXHAUSTED = 8
_UNIMPLEMENTED = 12
_INTERNAL = 13
_UNAVAILABLE = 14

# For the HTTP statuses that Envoy makes itself.
_CODES: tuple[tuple[int, int], ...] = (
    (404, _NOT_FOUND),
    (405, _UNIMPLEMENTED),
    (408, _DEADLINE_EXCEEDED),
    (413, _RESOURCE_EXHAUSTED),
    (429, _RESOURCE_EXHAUSTED),
    (500, _INTERNAL),
    (501, _UNIMPLEMENTED),
)
# A gRPC caller hears UNAVAILABLE in these cases: no conductor is there, or none answered in time.
_AWAY = (502, 503, 504)

# The transcoder has made a gRPC call of the request by then, and left its first path in this header.
_TRANSCODED = {"header_filter": {"header": {"name": "x-envoy-original-path", "present_match": True}}}
_NOT_GRPC = {
    "header_filter": {
        "header": {
            "name": "content-type",
            "string_match": {"prefix": "application/grpc"},
            "invert_match": True,
            "treat_missing_header_as_empty": True,
        },
    },
}


def local_replies(*, with_api: bool = False) -> dict[str, object]:
    """Return the mappers; the first that fits a reply is used."""
    of_api = [_tacker_error()] if with_api else []
    away = [{**_mapper(status, _UNAVAILABLE, "STORE_UNAVAILABLE"), "status_code": 503} for status in _AWAY]
    known = [_mapper(status, code) for status, code in _CODES]
    return {"mappers": [*of_api, *away, *known, _mapper(400, _INVALID_ARGUMENT, "BAD_INPUT", operation="GE")]}


def _tacker_error() -> dict[str, object]:
    """Speak to Tacker's clients as the api processes do: what has another form they cannot read."""
    error = {
        "type": "HTTPError",
        "message": "HTTP %RESPONSE_CODE% %LOCAL_REPLY_BODY%",
        "detail": "%RESPONSE_CODE_DETAILS%",
    }
    path = {"name": ":path", "string_match": {"prefix": "/v1.0/"}}
    compared = {"op": "GE", "value": {"default_value": 400, "runtime_key": "vimesh.api_reply"}}
    filters = [{"header_filter": {"header": path}}, {"status_code_filter": {"comparison": compared}}]
    return {
        "filter": {"and_filter": {"filters": filters}},
        "body_format_override": {"json_format": {"TackerError": error}, "content_type": "application/json"},
    }


def _mapper(status: int, code: int, reason: str | None = None, *, operation: str = "EQ") -> dict[str, object]:
    """Answer Envoy's own `status` with a google.rpc.Code; with an ErrorInfo where the contract has a word for it."""
    compared = {"op": operation, "value": {"default_value": status, "runtime_key": "vimesh.local_reply"}}
    # To a gRPC caller the body becomes grpc-message, where JSON has no place.
    speaks_json = {"or_filter": {"filters": [_NOT_GRPC, _TRANSCODED]}}
    body = {"code": code, "message": "%LOCAL_REPLY_BODY%", "details": [] if reason is None else [_info(reason)]}
    return {
        "filter": {"and_filter": {"filters": [{"status_code_filter": {"comparison": compared}}, speaks_json]}},
        "body_format_override": {"json_format": body, "content_type": "application/json"},
    }


def _info(reason: str) -> dict[str, object]:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "vimesh.v1",
        "metadata": {},
    }
