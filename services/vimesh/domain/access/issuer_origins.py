"""Says on which server a URL is, as browsers name it."""

from __future__ import annotations

import re

from vimesh.domain.access.secure_urls import secure_url

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.ASCII)


def origin_of(url: str) -> str:
    """Return the origin of a URL that `secure_url` takes: scheme, host and port. Raises ValueError.

    It is part of a policy in which `;` and other characters would mean something.
    """
    parts = secure_url(url)
    host = parts.hostname or ""
    if not _HOST.fullmatch(host):
        raise ValueError("must name a host by letters, digits, dots and hyphens")
    named = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{named}" + ("" if parts.port is None else f":{parts.port}")
