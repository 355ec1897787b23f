"""What Envoy itself says to a caller that does not speak gRPC: a google.rpc.Status, like every other error."""

from __future__ import annotations

# HTTP status -> google.rpc.Code, for the statuses that Envoy makes itself. The last line is for all others.
_CODES: tuple[tuple[int, int], ...] = (
    (404, 5),
    (405, 12),
    (408, 4),
    (413, 8),
    (429, 8),
    (500, 13),
    (501, 12),
    (502, 14),
    (503, 14),
    (504, 4),
)
_BAD_REQUEST = 3

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


def local_replies() -> dict[str, object]:
    return {"mappers": [*(_mapper(status, code) for status, code in _CODES), _mapper(400, _BAD_REQUEST, "GE")]}


def _mapper(status: int, code: int, operation: str = "EQ") -> dict[str, object]:
    compared = {"op": operation, "value": {"default_value": status, "runtime_key": "vimesh.local_reply"}}
    # To a gRPC caller the body becomes grpc-message, where JSON has no place.
    speaks_json = {"or_filter": {"filters": [_NOT_GRPC, _TRANSCODED]}}
    body = {"code": code, "message": "%LOCAL_REPLY_BODY%", "details": []}
    return {
        "filter": {"and_filter": {"filters": [{"status_code_filter": {"comparison": compared}}, speaks_json]}},
        "body_format_override": {"json_format": body, "content_type": "application/json"},
    }
