"""Defines how a secured front tells its callers apart, and proves itself to conductors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from vimesh.domain.access.caller import CallerRole

_REPORTER: Final = frozenset({CallerRole.REPORTER})

ROLES_OF_PARTS: Final[Mapping[str, frozenset[CallerRole]]] = MappingProxyType({
    "api": frozenset({CallerRole.DRIVER}),
    "monitor": _REPORTER,
    "executor": _REPORTER,
    # It looks up the action of a report that names none.
    "bridge": _REPORTER | {CallerRole.READER},
    # It watches the VIMs of all projects.
    "notifier": frozenset({CallerRole.NOTIFIER, CallerRole.READER}),
    # Whoever takes it over learns no more than what status pages may show: no ids, names or addresses.
    "console": frozenset({CallerRole.CONSOLE}),
})  # fmt: skip
"""What parts of a fleet may do, by the role in their certificates. Fronts and conductors call no front. The role of a
person's certificate (`cli`) is the beginning of its name."""

_OF_CERTIFICATES: Final = frozenset({CallerRole.DRIVER, CallerRole.NOTIFIER, CallerRole.CONSOLE})

GRANTED_BY_TOKENS: Final = tuple(role for role in CallerRole if role not in _OF_CERTIFICATES)
"""Roles that a token may give. Driving workflows, notifying receivers and serving status pages is for processes with
certificates."""


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """An issuer of tokens (JWT) for people and services, such as an OpenID Connect provider."""

    issuer: str
    """The claim `iss` of its tokens."""
    audiences: tuple[str, ...]
    """A token must name one of them in `aud`."""
    jwks_uri: str | None = None
    """Where Envoy fetches its keys: https, or http on a loopback address. Either this or `jwks_file` is set."""
    jwks_file: Path | None = None
    """File with its keys, absolute. Envoy notices a file that is moved into its place."""
    ca: Path = Path("/etc/ssl/certs/ca-certificates.crt")
    """Authorities of the server behind `jwks_uri`."""
    roles_claim: tuple[str, ...] = ("vimesh_roles",)
    """Path of the claim with the roles: a list, or a string with spaces or commas between the values."""
    projects_claim: tuple[str, ...] = ("vimesh_projects",)
    """The same for the ids of projects; `*` stands for all."""
    grants: Mapping[str, CallerRole] = field(default_factory=lambda: {str(role): role for role in GRANTED_BY_TOKENS})
    """Which role a value of the claim stands for; other values stand for none."""


@dataclass(frozen=True, slots=True)
class FrontSecurity:
    """Folders are absolute, and hold the files that `vimesh certs` writes."""

    certificate: Path
    """Folder with `tls.crt` and `tls.key` of this front: `front/<name>`."""
    trust: Path
    """Folder with `ca.crt`, and with `crl.pem` if `revocation_list` is set."""
    trust_domains: tuple[str, ...] = ("vimesh",)
    """SPIFFE trust domains of the fleet. Each authority in `ca.crt` is trusted for all of them."""
    revocation_list: bool = True
    """Whether certificates are looked up in `crl.pem`, which must have a list of each authority in `ca.crt`."""
    issuers: tuple[TokenIssuer, ...] = ()
    parts: Mapping[str, frozenset[CallerRole]] = field(default_factory=lambda: ROLES_OF_PARTS)
    """Roles by the SPIFFE role of a certificate."""
    keystone: bool = False
    """Whether api processes check tokens of Keystone: what of Tacker's REST proves nothing to Envoy is left to them."""
    tls_to_conductors: bool = True
    """Whether conductors and api processes are called by TLS; False for unix sockets that no one else can enter."""
