"""Changes the headers of a request before a route is chosen."""

from __future__ import annotations

from vimesh.envoy.callers.trusted_proxies import FORWARDED
from vimesh.envoy.vocabulary.extensions import TRANSCODED, extension
from vimesh.envoy.vocabulary.header_size import measured
from vimesh.envoy.vocabulary.identity_headers import drop_forged


def early_headers(*, trusting: bool) -> dict[str, object]:
    """Return the extension. It drops headers that only Envoy or, if `trusting`, a trusted proxy may write."""
    dropped = (TRANSCODED, *(() if trusting else FORWARDED))
    return extension(
        "envoy.http.early_header_mutation.header_mutation",
        "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        mutations=[*({"remove": name} for name in dropped), drop_forged(), measured()],
    )
