"""Rewrites the replies that Envoy generates itself to the statuses of the contract, whatever stopped the call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vimesh.domain.errors import Overloaded, StoreUnavailable
from vimesh.envoy.refusals.refusal_routes import TOO_LONG
from vimesh.envoy.vocabulary.extensions import TRANSCODED, when
from vimesh.envoy.vocabulary.identity_headers import has_identity
from vimesh.envoy.vocabulary.refusal_statuses import Code, RefusalStatus

Filter = dict[str, object]
Mapper = dict[str, object]

_ENVOYS_WORDS: Final = "%LOCAL_REPLY_BODY%"
NOBODY: Final = "no conductor answers"
BROKEN: Final = "the connection to a conductor broke; it is not known whether the call succeeded"
_NOTHING: Final = "no such path"
LATE: Final = "no conductor answered in time; it is not known whether the call succeeded"


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A reply that Envoy generates because of a failure behind it. Its original text would reveal internals."""

    when: Filter
    http_status: int
    status: RefusalStatus
    explained_to_grpc: bool = False
    """Whether gRPC callers get the details as well as the code and the message."""
    challenge: bool = False
    """Whether HTTP callers are told which credentials they need. Envoy's own challenge says more, and stays."""


def _all(*filters: Filter) -> Filter:
    return {"and_filter": {"filters": list(filters)}}


def _flags(*flags: str) -> Filter:
    """Match replies with one of the flags or, if none are given, with any flag at all."""
    return {"response_flag_filter": {"flags": list(flags)}}


def _http_status(status: int, operation: str = "EQ") -> Filter:
    compared = {"op": operation, "value": {"default_value": status, "runtime_key": "vimesh.local_reply"}}
    return {"status_code_filter": {"comparison": compared}}


def _away(message: str) -> RefusalStatus:
    return RefusalStatus(Code.UNAVAILABLE, message, "STORE_UNAVAILABLE", int(StoreUnavailable.retry_after_s))


_OVERLOADED = RefusalStatus(Code.RESOURCE_EXHAUSTED, str(Overloaded()), "OVERLOADED", int(Overloaded.retry_after_s))

# The first one that matches is used.
_REFUSALS: Final = (
    # Too many calls of a class are in flight: nothing was done, and a retry can soon succeed.
    _Refusal(_flags("UO"), 429, _OVERLOADED, explained_to_grpc=True),
    # Streams are opened too often (opening_rate.py). Its flag is set only after the reply has been built.
    _Refusal(_http_status(429), 429, _OVERLOADED, explained_to_grpc=True),
    # LH: no conductor serves (readiness.py).
    _Refusal(_flags("UH", "UF", "LH"), 503, _away(NOBODY)),
    # The caller's own deadline, or that of the route if it is sooner.
    _Refusal(_http_status(504), 504, RefusalStatus(Code.DEADLINE_EXCEEDED, LATE)),
    _Refusal(_http_status(502), 503, _away(BROKEN)),
    _Refusal(_all(_http_status(503), _flags()), 503, _away(BROKEN)),
    # Envoy is running out of memory (overload.py), for which there is no flag.
    _Refusal(_http_status(503), 429, _OVERLOADED, explained_to_grpc=True),
)

# What a secured front refuses (identity/). These come before the others.
_CHALLENGE: Final = (
    {"header": {"key": "www-authenticate", "value": 'Bearer realm="vimesh"'}, "append_action": "ADD_IF_ABSENT"},
)
_IDENTITY_MISSING: Final = RefusalStatus(
    Code.UNAUTHENTICATED, "the call needs a client certificate or a bearer token of this fleet", "IDENTITY_MISSING"
)
_TOKEN_INVALID: Final = RefusalStatus(
    Code.UNAUTHENTICATED, "the bearer token is not valid: forged, expired, or not for this fleet", "TOKEN_INVALID"
)
_ROLE_MISSING: Final = RefusalStatus(Code.PERMISSION_DENIED, "no role of the caller allows this call", "ROLE_MISSING")
_NO_IDENTITY: Final[Filter] = {"header_filter": {"header": {**has_identity(), "invert_match": True}}}
# By itself, Envoy replies to some of these with 403.
_BY_TOKEN: Final[Filter] = when("response.code_details.startsWith('jwt_authn_access_denied')")
# Other replies have the status 403, too, such as those to pages (callers/page_origins.py).
_BY_ROLE: Final[Filter] = when("response.code_details.startsWith('rbac_access_denied')")
_CALLER_REFUSALS: Final = (
    _Refusal(_BY_TOKEN, 401, _TOKEN_INVALID, explained_to_grpc=True, challenge=True),
    _Refusal(_all(_BY_ROLE, _NO_IDENTITY), 401, _IDENTITY_MISSING, explained_to_grpc=True, challenge=True),
    _Refusal(_BY_ROLE, 403, _ROLE_MISSING, explained_to_grpc=True),
)

_TOO_OLD: Final = RefusalStatus(
    Code.UNIMPLEMENTED, "HTTP/1.0 is not supported unless the fleet file sets http_1_0: true"
)

# HTTP statuses for mistakes of callers: Envoy's own text is kept, because it reveals nothing about the fleet.
_CODES: Final = (
    (403, Code.PERMISSION_DENIED),
    (404, Code.NOT_FOUND),
    (405, Code.UNIMPLEMENTED),
    (408, Code.DEADLINE_EXCEEDED),
    (413, Code.RESOURCE_EXHAUSTED),
    (421, Code.PERMISSION_DENIED),
    (500, Code.INTERNAL),
    (501, Code.UNIMPLEMENTED),
)

_NOT_GRPC: Filter = {
    "header_filter": {
        "header": {
            "name": "content-type",
            "string_match": {"prefix": "application/grpc"},
            "invert_match": True,
            "treat_missing_header_as_empty": True,
        },
    },
}
_TRANSCODED: Filter = {"header_filter": {"header": {"name": TRANSCODED, "present_match": True}}}
# For a gRPC caller the body becomes grpc-message, which must not be JSON.
_SPEAKS_JSON: Filter = {"or_filter": {"filters": [_NOT_GRPC, _TRANSCODED]}}
_SPEAKS_TACKER: Filter = {"header_filter": {"header": {"name": ":path", "string_match": {"prefix": "/v1.0/"}}}}


def local_replies(*, with_api: bool = False, secured: bool = False) -> dict[str, object]:
    """Return the mappers; the first one that matches a reply is used."""
    refusals = (*(_CALLER_REFUSALS if secured else ()), *_REFUSALS)
    tacker = [*map(_refusal_to_tacker, refusals), _tacker_error(_http_status(400, "GE"), _ENVOYS_WORDS)]
    own = [mapper for refusal in refusals for mapper in (_refusal_to_json(refusal), _refusal_to_grpc(refusal))]
    mistakes = [_json_error(_http_status(http), RefusalStatus(code, _ENVOYS_WORDS)) for http, code in _CODES]
    mistakes += [_json_error(_http_status(431), TOO_LONG), _json_error(_http_status(426), _TOO_OLD)]
    rest = _json_error(_http_status(400, "GE"), RefusalStatus(Code.INVALID_ARGUMENT, _ENVOYS_WORDS, "BAD_INPUT"))
    return {"mappers": [*(tacker if with_api else ()), *_nothing(), *own, *mistakes, rest]}


def _nothing() -> list[Mapper]:
    """Return the replies for paths that do not exist, for which Envoy has no text."""
    plain: Mapper = {"filter": _flags("NC"), "body": {"inline_string": _NOTHING}}
    return [_json_error(_flags("NC"), RefusalStatus(Code.NOT_FOUND, _NOTHING)), plain]


def _refusal_to_tacker(refusal: _Refusal) -> Mapper:
    message = refusal.status.message.replace("a conductor", "the api processes").replace("conductor", "api process")
    return {**_tacker_error(refusal.when, message), **_as_http(refusal)}


def _refusal_to_json(refusal: _Refusal) -> Mapper:
    return {**_json_error(refusal.when, refusal.status), **_as_http(refusal)}


def _refusal_to_grpc(refusal: _Refusal) -> Mapper:
    """Set grpc-status, which Envoy then keeps: by itself it would map 429, like 503, to UNAVAILABLE."""
    status = refusal.status
    details = {"grpc-status-details-bin": status.as_header()} if refusal.explained_to_grpc else {}
    return {
        "filter": refusal.when,
        "status_code": 200,
        # Without a body, and as gRPC: otherwise the gRPC-Web filter would set a status of its own.
        "body_format_override": {"text_format_source": {"inline_string": ""}, "content_type": "application/grpc+proto"},
        "headers_to_add": _headers({"grpc-status": str(int(status.code)), "grpc-message": status.message, **details}),
    }


def _as_http(refusal: _Refusal) -> Mapper:
    after_s = refusal.status.retry_after_s
    after = _headers({"retry-after": str(after_s)} if after_s else {})
    return {"status_code": refusal.http_status, "headers_to_add": [*after, *(_CHALLENGE if refusal.challenge else ())]}


def _tacker_error(when: Filter, message: str) -> Mapper:
    """Reply to Tacker's clients in the form that the api processes use, as they cannot read any other."""
    error = {"type": "HTTPError", "message": f"HTTP %RESPONSE_CODE% {message}", "detail": ""}
    return {
        "filter": _all(when, _SPEAKS_TACKER),
        "body_format_override": {"json_format": {"TackerError": error}, "content_type": "application/json"},
    }


def _json_error(when: Filter, status: RefusalStatus) -> Mapper:
    return {
        "filter": _all(when, _SPEAKS_JSON),
        "body_format_override": {"json_format": status.as_json(), "content_type": "application/json"},
    }


def _headers(headers: dict[str, str]) -> list[dict[str, object]]:
    return [
        {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for key, value in headers.items()
    ]
