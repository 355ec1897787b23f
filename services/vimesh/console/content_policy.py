"""Says what pages of the console may load and where they may connect to (Content Security Policy, level 3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_SEALED: Final = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


def of_application(issuer_origins: Sequence[str]) -> str:
    """Return the policy of the application. `issuer_origins`: of the servers that sign people in."""
    connects = " ".join(("'self'", *issuer_origins))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src {connects}; {_SEALED}"
    )


def of_plain_page(style_hash: str) -> str:
    """Return the policy of a page without scripts. `style_hash`: of its one style sheet, as `sha256-...`."""
    return f"default-src 'none'; style-src '{style_hash}'; img-src 'self'; {_SEALED}"
