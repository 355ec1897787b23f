"""Refuses callers without an identity, and calls that no role of the caller allows. What no rule names is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from vimesh.domain.access.caller import CallerRole
from vimesh.envoy.doors.readiness import LIVE
from vimesh.envoy.vocabulary.extensions import GRPC_CONTENT, extension, method_is
from vimesh.envoy.vocabulary.identity_headers import has_identity, has_role
from vimesh.rpc.caller_metadata import ALL_PROJECTS, PROJECTS
from vimesh.rpc.caller_roles import EVERYONE, PEOPLE, WRITING_PEOPLE
from vimesh.rpc.rpc_table import COMMON_RPCS, RPCS

Rule = dict[str, object]

_TYPE: Final = "envoy.extensions.filters.http.rbac.v3.RBAC"
_READS: Final = "GET|HEAD"
_REST: Final[Rule] = {"url_path": {"path": {"prefix": "/v1.0/"}}}
REPORTERS: Final = frozenset({CallerRole.REPORTER, CallerRole.DRIVER})
"""For whom the second door is."""


def only_callers(*, reporters_only: bool) -> dict[str, object]:
    """Return the filter that stops strangers before anything of their requests is kept."""
    welcome = has_role(REPORTERS) if reporters_only else has_identity()
    live = _all(_path(LIVE), _header(method_is(_READS)))
    return _filter(
        "vimesh.only_callers",
        {"callers": _policy([{"any": True}], _header(welcome)), "health": _policy([live], {"any": True})},
    )


def only_their_methods(*, with_api: bool) -> dict[str, object]:
    """Return the filter that compares roles with calls. It must come after all filters that make calls of requests."""
    return _filter("vimesh.only_their_methods", {**_calls(), **(_rest() if with_api else {}), **_answered_here()})


def _calls() -> dict[str, Rule]:
    paths = defaultdict[frozenset[CallerRole], list[Rule]](list)
    for rpc in (*RPCS, *COMMON_RPCS):
        if rpc.callers:
            paths[rpc.callers].append(_path(rpc.path))
    return {
        "-".join(sorted(roles)): _policy(some, _header(has_identity() if roles == EVERYONE else has_role(roles)))
        for roles, some in paths.items()
    }


def _rest() -> dict[str, Rule]:
    """Allow Tacker's REST to callers that may see all projects: api processes call conductors in their own name."""
    return {
        "rest-reads": _policy([_all(_REST, _header(method_is(_READS)))], _rest_caller(PEOPLE)),
        "rest-changes": _policy([_all(_REST, _header(method_is(_READS, inverted=True)))], _rest_caller(WRITING_PEOPLE)),
    }


def _rest_caller(roles: Iterable[CallerRole]) -> Rule:
    all_projects: dict[str, object] = {"name": PROJECTS, "string_match": {"exact": ALL_PROJECTS}}
    return {"and_ids": {"ids": [_header(has_role(roles)), _header(all_projects)]}}


def _answered_here() -> dict[str, Rule]:
    """Allow all callers what Envoy itself answers: only gRPC leads to conductors, and only REST to api processes."""
    elsewhere = _all({"not_rule": _header(GRPC_CONTENT)}, {"not_rule": _REST})
    live = _all(_path(LIVE), _header(method_is(_READS)))
    return {
        "answered-here": _policy([elsewhere], _header(has_identity())),
        "health": _policy([live], {"any": True}),
    }


def _filter(name: str, policies: dict[str, Rule]) -> dict[str, object]:
    return extension(name, _TYPE, rules={"action": "ALLOW", "policies": policies})


def _policy(permissions: list[Rule], principal: Rule) -> Rule:
    return {"permissions": permissions, "principals": [principal]}


def _all(*rules: Rule) -> Rule:
    return {"and_rules": {"rules": list(rules)}}


def _path(path: str) -> Rule:
    return {"url_path": {"path": {"exact": path}}}


def _header(matcher: dict[str, object]) -> Rule:
    return {"header": matcher}
