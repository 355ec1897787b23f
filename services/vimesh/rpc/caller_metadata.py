"""Names the headers in which conductors and api processes are told who calls.

The first three are the front's: it drops those of its callers. The others are for api processes, which say by them for
whom they call: the front passes them on from anybody, and conductors believe them only beside the identity of such a
process.
"""

from __future__ import annotations

from typing import Final

IDENTITY: Final = "x-vimesh-identity"
"""The SPIFFE ID of a certificate, or `<issuer>#<subject>` of a token."""
ROLES: Final = "x-vimesh-roles"
"""Roles, separated by commas."""
PROJECTS: Final = "x-vimesh-projects"
"""Ids of projects, separated by commas; ALL_PROJECTS for all. Missing if the caller has none."""
ALL_PROJECTS: Final = "*"

FOR_IDENTITY: Final = "vimesh-for-identity"
FOR_ROLES: Final = "vimesh-for-roles"
FOR_PROJECTS: Final = "vimesh-for-projects"
FOR_CALL: Final = "vimesh-for-call"
"""The id by which the front's access log knows the request that the api process serves."""
