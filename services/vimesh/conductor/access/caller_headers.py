"""Reads who calls from the headers in which the front says what it has proved.

Conductors believe these headers only from the front: over a unix socket, whose folder only the fleet's user may enter,
or from a peer whose certificate is that of a front of the same trust domain. If the front has proved that the caller is
an api process, this one may say for whom it calls, in headers of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import grpc

from vimesh.certificates.spiffe_ids import BadIdentity, Role, SpiffeId, parse_spiffe_id
from vimesh.conductor.access.revocation_lists import RevocationLists
from vimesh.domain.access.caller import ALL_ENGINES, Caller, CallerRole
from vimesh.domain.errors import IdentityRequired, PermissionDenied
from vimesh.domain.vims import Engine
from vimesh.rpc.caller_metadata import ALL_PROJECTS, FOR_IDENTITY, FOR_PROJECTS, FOR_ROLES, IDENTITY, PROJECTS, ROLES
from vimesh.rpc.caller_roles import PEOPLE
from vimesh.tracing.current_request import call_metadata

_Context = grpc.aio.ServicerContext[Any, Any]
_Metadata = Iterable[tuple[str, str | bytes]]

_PREFIX: Final = "x-vimesh-"
_FOR_PREFIX: Final = "vimesh-for-"
_MAX_IDENTITY: Final = 1024
"""The column of actors has as many characters."""
_MAX_ROLES: Final = 256
_MAX_PROJECTS: Final = 8192
_MAX_PROJECT: Final = 255
_CALLERS: Final = 4096
"""Callers to remember: reading one takes some 10 us."""
_ENGINES: Final = {Role.MONITOR: Engine.EMBEDDED, Role.EXECUTOR: Engine.MISTRAL}
"""The engine of each part of a fleet that runs actions. Whoever else may report does so for EXTERNAL actions."""


def identify_by_headers(_context: _Context) -> Caller:
    """Return who calls, if only the front can reach the conductor. Raises IdentityRequired."""
    return read_caller(call_metadata())


class FrontIdentification:
    """Returns who calls, if others than the front have certificates, too."""

    def __init__(self, trust_domain: str, revocation_lists: RevocationLists) -> None:
        self._trust_domain = trust_domain
        self._revocation_lists = revocation_lists

    def __call__(self, context: _Context) -> Caller:
        """Raises IdentityRequired, also for every peer that is not a front."""
        peer = context.auth_context()
        # gRPC names no id if the certificate has several.
        peer_ids = list(peer.get("peer_spiffe_id", ()))
        if len(peer_ids) != 1 or not _is_front(peer_ids[0], self._trust_domain):
            raise IdentityRequired("only the front may call a conductor")
        # Of each call, because a connection may be older than the list.
        [certificate] = peer["x509_pem_cert"]
        if self._revocation_lists.includes(certificate):
            raise IdentityRequired("the certificate of the front was revoked")
        return read_caller(call_metadata())


def represented_caller(caller: Caller) -> Caller:
    """Return for whom the caller calls. Raises IdentityRequired, PermissionDenied."""
    return read_represented(call_metadata(), caller)


def read_caller(metadata: _Metadata) -> Caller:
    """Read the headers of a call. Raises IdentityRequired if they name nobody, or are not what a front writes."""
    headers = dict(pairs := tuple(metadata))
    if len(headers) != len(pairs):
        own = [key for key, _ in pairs if key.startswith(_PREFIX)]
        if len(own) != len(set(own)):
            raise IdentityRequired("a header is there twice")
    identity = headers.get(IDENTITY)
    if not identity:
        raise IdentityRequired("show a certificate or a token")
    return _caller_of(identity, headers.get(ROLES, ""), headers.get(PROJECTS, ""))


def read_represented(metadata: _Metadata, caller: Caller) -> Caller:
    """Return whom the caller names as the one for whom it calls, else the caller itself.

    Raises PermissionDenied if the caller is no api process, IdentityRequired if the headers are not what one writes.
    """
    own = [(key, value) for key, value in metadata if key.startswith(_FOR_PREFIX)]
    if not own:
        return caller
    headers = dict(own)
    if len(headers) != len(own):
        raise IdentityRequired("a header is there twice")
    part = _part_of(caller.identity)
    if part is None or part.role is not Role.API or CallerRole.DRIVER not in caller.roles:
        raise PermissionDenied("only api processes call for others")
    identity = headers.get(FOR_IDENTITY)
    if not identity:
        raise IdentityRequired("the api process names nobody for whom it calls")
    person = _caller_of(identity, headers.get(FOR_ROLES, ""), headers.get(FOR_PROJECTS, ""))
    if not person.roles <= PEOPLE:
        raise IdentityRequired(f"api processes call for {', '.join(sorted(PEOPLE))} only")
    # Who calls by way of REST runs no actions, and is shown none.
    return replace(person, engines=frozenset(), by_api=caller.identity)


@lru_cache(maxsize=_CALLERS)
def _caller_of(identity: str | bytes, role_words: str | bytes, project_ids: str | bytes) -> Caller:
    if isinstance(identity, bytes) or isinstance(role_words, bytes) or isinstance(project_ids, bytes):
        raise IdentityRequired("a header is not text")
    if len(identity) > _MAX_IDENTITY or not (identity.isascii() and identity.isprintable()):
        raise IdentityRequired(f"an identity has at most {_MAX_IDENTITY} printable characters")
    if len(role_words) > _MAX_ROLES or len(project_ids) > _MAX_PROJECTS:
        raise IdentityRequired("it has too many roles or projects")
    roles = _roles_of(role_words)
    return Caller(
        identity,
        roles,
        # An administrator has all projects, whatever the header says.
        None if CallerRole.ADMIN in roles else _projects_of(project_ids),
        _engines_of(identity, roles),
    )


def _roles_of(words: str) -> frozenset[CallerRole]:
    try:
        return frozenset(CallerRole(word) for word in _parts(words))
    except ValueError:
        raise IdentityRequired(f"it has a role other than {', '.join(CallerRole)}") from None


def _projects_of(ids: str) -> frozenset[str] | None:
    projects = frozenset(_parts(ids))
    if any(len(project) > _MAX_PROJECT or not project.isprintable() for project in projects):
        raise IdentityRequired("one of its projects is not a project id")
    return None if ALL_PROJECTS in projects else projects


def _parts(text: str) -> list[str]:
    return [part for each in text.split(",") if (part := each.strip())]


def _engines_of(identity: str, roles: frozenset[CallerRole]) -> frozenset[Engine]:
    if CallerRole.ADMIN in roles:
        return ALL_ENGINES
    if CallerRole.REPORTER not in roles:
        return frozenset()
    part = _part_of(identity)
    return frozenset({_ENGINES.get(part.role, Engine.EXTERNAL) if part else Engine.EXTERNAL})


@lru_cache(maxsize=64)
def _is_front(peer_id: bytes, trust_domain: str) -> bool:
    part = _part_of(peer_id.decode("ascii", errors="replace"))
    return part is not None and part.role is Role.FRONT and part.trust_domain == trust_domain


def _part_of(identity: str) -> SpiffeId | None:
    try:
        return parse_spiffe_id(identity)
    except BadIdentity:
        return None
