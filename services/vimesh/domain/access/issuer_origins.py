"""Says on which server a URL is, as browsers name it."""

from __future__ import annotations

from vimesh.domain.access.secure_urls import secure_url


def origin_of(url: str) -> str:
    """Return the origin of a URL that `secure_url` takes: scheme, host and port. Raises ValueError."""
    parts = secure_url(url)
    host = parts.hostname or ""
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + ("" if parts.port is None else f":{parts.port}")
