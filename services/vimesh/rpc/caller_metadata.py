"""Names the headers in which the front tells conductors and api processes who calls."""

from __future__ import annotations

from typing import Final

IDENTITY: Final = "x-vimesh-identity"
"""The SPIFFE ID of a certificate, or `<issuer>#<subject>` of a token."""
ROLES: Final = "x-vimesh-roles"
"""Roles, separated by commas."""
PROJECTS: Final = "x-vimesh-projects"
"""Ids of projects, separated by commas; ALL_PROJECTS for all. Missing if the caller has none."""
ALL_PROJECTS: Final = "*"
