"""Keeps an answer in memory as it is sent, compressed and named by its content, so that sending it costs nothing."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

COMMON_HEADERS: Final[Mapping[str, str]] = {
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_ETAG_BYTES: Final = 16
_LEAST_COMPRESSED: Final = 512
"""A smaller body is one packet anyway."""
_COMPRESSED: Final = ("text/", "application/json", "application/atom+xml", "image/svg+xml")
MAX_CONDITION: Final = 1024
"""Characters of If-None-Match that are looked at."""


@dataclass(frozen=True, slots=True)
class StaticAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    compressed: bytes | None
    """By gzip; None: it is sent as it is."""
    etag: str

    def respond(self, request: Request) -> Response:
        """Return the answer to a GET or HEAD: 304 if the caller has it."""
        headers = {**self.headers, "etag": self.etag, "vary": "accept-encoding"}
        if self.status == 200 and self._is_known(request):
            return Response(status_code=304, headers=headers)
        body = self.body
        if self.compressed is not None and _takes_gzip(request.headers.get("accept-encoding", "")):
            body = self.compressed
            headers["content-encoding"] = "gzip"
        if request.method == "HEAD":
            return Response(status_code=self.status, headers={**headers, "content-length": str(len(body))})
        return Response(body, self.status, headers=headers)

    def _is_known(self, request: Request) -> bool:
        known = request.headers.get("if-none-match", "")[:MAX_CONDITION]
        return known.strip() == "*" or self.etag in [each.strip() for each in known.split(",")]


def prepare_answer(body: bytes, content_type: str, headers: Mapping[str, str], status: int = 200) -> StaticAnswer:
    """Prepare an answer. Compressing takes about 20 ms for each MB."""
    compressed = None
    if len(body) >= _LEAST_COMPRESSED and content_type.startswith(_COMPRESSED):
        # Without a time, so that each process of a fleet sends the same.
        compressed = gzip.compress(body, compresslevel=9, mtime=0)
    # Weak: the compressed bytes have the same name.
    etag = f'W/"{hashlib.sha256(body).hexdigest()[: 2 * _ETAG_BYTES]}"'
    return StaticAnswer(status, {**COMMON_HEADERS, **headers, "content-type": content_type}, body, compressed, etag)


def _takes_gzip(accepted: str) -> bool:
    """Return whether Accept-Encoding (RFC 9110, section 12.5.3) names gzip, other than to refuse it."""
    for offer in accepted.split(","):
        name, _, parameters = offer.strip().partition(";")
        if name.strip().lower() == "gzip":
            return parameters.replace(" ", "").rstrip("0") not in {"q=", "q=0.", "q=."}
    return False
