"""Changes the headers of a request before a route is chosen, and gives it an id."""

from __future__ import annotations

from typing import Final

from vimesh.envoy.callers.trusted_proxies import FORWARDED
from vimesh.envoy.vocabulary.extensions import TRANSCODED, extension, typed
from vimesh.envoy.vocabulary.header_size import measured
from vimesh.envoy.vocabulary.identity_headers import drop_forged
from vimesh.tracing.current_request import REQUEST_ID
from vimesh.tracing.spans import TRACEPARENT

_TRACE_CONTEXT: Final = (TRACEPARENT, "tracestate", "baggage")


def early_headers(*, trusting: bool, ids: bool, traces: bool) -> dict[str, object]:
    """Return the extension. It drops headers that only Envoy or, if `trusting`, a trusted proxy may write.

    `ids`: whether callers may also give their requests an id; otherwise each gets a new one. `traces`: whether they may
    have them traced.
    """
    dropped = (
        TRANSCODED,
        *(() if trusting else FORWARDED),
        *(() if ids else (REQUEST_ID,)),
        *(() if traces else _TRACE_CONTEXT),
    )
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=[*({"remove": name} for name in dropped), drop_forged(), measured()],
    )


def request_ids() -> dict[str, object]:
    """Return how a connection manager treats ids: it makes those that are missing, and answers with the id.

    Whose ids count is decided by `early_headers` alone.
    """
    # Otherwise the id of a traced request would be changed, and differ from the one its caller has.
    unchanged = typed("envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", pack_trace_reason=False)
    return {
        "preserve_external_request_id": True,
        "always_set_request_id_in_response": True,
        "request_id_extension": {"typed_config": unchanged},
    }
