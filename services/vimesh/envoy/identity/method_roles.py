"""Refuses callers without an identity, and calls that no role of the caller allows. What no rule names is refused."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from vimesh.domain.access.caller import CallerRole
from vimesh.envoy.doors.console_door import CONSOLE, PREFIXES, ROOT, asks_for_page, reads
from vimesh.envoy.doors.readiness import LIVE
from vimesh.envoy.vocabulary.extensions import GRPC_CONTENT, extension, method_is
from vimesh.envoy.vocabulary.identity_headers import has_identity, has_role
from vimesh.rpc.caller_roles import EVERYONE, PEOPLE, WRITING_PEOPLE
from vimesh.rpc.rpc_table import COMMON_RPCS, RPCS

Rule = dict[str, object]

_TYPE: Final = "envoy.extensions.filters.http.rbac.v3.RBAC"
_READS: Final = "GET|HEAD"
_REST: Final[Rule] = {"url_path": {"path": {"prefix": "/v1.0/"}}}
_KEYSTONE_TOKEN: Final = {"name": "x-auth-token", "present_match": True}
REPORTERS: Final = frozenset({CallerRole.REPORTER, CallerRole.DRIVER, CallerRole.NOTIFIER, CallerRole.CONSOLE})
"""For whom the second door is."""


def only_callers(*, reporters_only: bool, keystone: bool, with_console: bool) -> dict[str, object]:
    """Return the filter that stops strangers before anything of their requests is kept.

    `keystone`: whether those of Tacker's REST may pass, because the api processes ask them for tokens of Keystone.
    `with_console`: whether everybody may read the console and status pages, which tell strangers nothing that is not
    meant for them.
    """
    welcome = has_role(REPORTERS) if reporters_only else has_identity()
    live = _all(_path(LIVE), _header(method_is(_READS)))
    rest = {"rest": _policy([_REST], {"any": True})} if keystone and not reporters_only else {}
    pages = _pages() if with_console and not reporters_only else {}
    return _filter(
        "vimesh.only_callers",
        {
            "callers": _policy([{"any": True}], _header(welcome)),
            "health": _policy([live], {"any": True}),
            **rest,
            **pages,
        },
    )


def only_their_methods(*, with_api: bool, keystone: bool, with_console: bool) -> dict[str, object]:
    """Return the filter that compares roles with calls. It must come after all filters that make calls of requests."""
    rest = _rest(keystone=keystone) if with_api else {}
    pages = _pages() if with_console else {}
    return _filter("vimesh.only_their_methods", {**_calls(), **rest, **pages, **_answered_here()})


def _calls() -> dict[str, Rule]:
    paths = defaultdict[frozenset[CallerRole], list[Rule]](list)
    for rpc in (*RPCS, *COMMON_RPCS):
        if roles := rpc.roles_at_front:
            paths[roles].append(_path(rpc.path))
    return {
        "-".join(sorted(roles)): _policy(some, _header(has_identity() if roles == EVERYONE else has_role(roles)))
        for roles, some in paths.items()
    }


def _rest(*, keystone: bool) -> dict[str, Rule]:
    """Allow Tacker's REST to people. What has a token of Keystone, or no proof at all, is judged by the api process."""
    changes = _all(_REST, _header(method_is(_READS, inverted=True)))
    unproved: Rule = {"or_ids": {"ids": [_header(_KEYSTONE_TOKEN), {"not_id": _header(has_identity())}]}}
    return {
        "rest-reads": _policy([_all(_REST, _header(method_is(_READS)))], _header(has_role(PEOPLE))),
        "rest-changes": _policy([changes], _header(has_role(WRITING_PEOPLE))),
        **({"rest-keystone": _policy([_REST], unproved)} if keystone else {}),
    }


def _pages() -> dict[str, Rule]:
    """Allow strangers to read the console and status pages, but not to call anything there as gRPC."""
    paths = [_path(CONSOLE), *({"url_path": {"path": {"prefix": prefix}}} for prefix in PREFIXES)]
    root = _all(_path(ROOT), _header(asks_for_page()))
    read = _all({"or_rules": {"rules": [*paths, root]}}, _header(reads()), {"not_rule": _header(GRPC_CONTENT)})
    return {"pages": _policy([read], {"any": True})}


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
