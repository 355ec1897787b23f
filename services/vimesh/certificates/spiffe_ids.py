"""Names the parts of a fleet: `spiffe://<trust domain>/<role>/<name>`.

Source of the syntax: the SPIFFE ID specification, https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_BYTES = 2048
_MAX_TRUST_DOMAIN = 255
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]+", re.ASCII)
_SEGMENT = re.compile(r"[a-zA-Z0-9._-]+", re.ASCII)
_SCHEME = "spiffe://"


class BadIdentity(ValueError):
    """A name that no certificate can have. The message says why."""


class Role(StrEnum):
    """What a part of the fleet does, which decides what it may do."""

    FRONT = "front"
    CONDUCTOR = "conductor"
    API = "api"
    MONITOR = "monitor"
    EXECUTOR = "executor"
    BRIDGE = "bridge"
    NOTIFIER = "notifier"
    CONSOLE = "console"
    CLI = "cli"
    """A person's command line."""

    @property
    def serves(self) -> bool:
        """Whether others connect to it, so that its certificate must name its hosts."""
        return self in {Role.FRONT, Role.CONDUCTOR, Role.API, Role.CONSOLE}


@dataclass(frozen=True, slots=True)
class SpiffeId:
    """The identity of one part of a fleet."""

    trust_domain: str
    role: Role
    name: str

    def __post_init__(self) -> None:
        """Raises BadIdentity."""
        check_trust_domain(self.trust_domain)
        if not _SEGMENT.fullmatch(self.name) or set(self.name) == {"."}:
            raise BadIdentity(f"a name consists of letters, digits, '.', '-' and '_', unlike {self.name[:100]!r}")
        if len(str(self)) > MAX_BYTES:
            raise BadIdentity(f"an identity has at most {MAX_BYTES} bytes")

    def __str__(self) -> str:
        return f"{_SCHEME}{self.trust_domain}/{self.role}/{self.name}"


def check_trust_domain(trust_domain: str) -> None:
    """Raises BadIdentity."""
    if not _TRUST_DOMAIN.fullmatch(trust_domain) or len(trust_domain) > _MAX_TRUST_DOMAIN:
        raise BadIdentity(
            f"a trust domain consists of lower-case letters, digits, '.', '-' and '_', unlike {trust_domain[:100]!r}"
        )


def parse_spiffe_id(uri: str) -> SpiffeId:
    """Read an identity. Raises BadIdentity."""
    trust_domain, *path = uri.removeprefix(_SCHEME).split("/")
    if len(uri) > MAX_BYTES or not uri.startswith(_SCHEME) or len(path) != 2:
        raise BadIdentity(f"an identity looks like spiffe://vimesh/monitor/m1, unlike {uri[:100]!r}")
    role, name = path
    return SpiffeId(trust_domain, parse_role(role), name)


def parse_role(text: str) -> Role:
    """Read a role. Raises BadIdentity."""
    try:
        return Role(text)
    except ValueError:
        raise BadIdentity(f"a role is one of {', '.join(Role)}, unlike {text[:100]!r}") from None
