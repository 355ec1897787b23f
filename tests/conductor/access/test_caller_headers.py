"""What the front writes is read as it is meant, and anything else names nobody."""

from __future__ import annotations

import pytest

from vimesh.conductor.access.caller_headers import read_caller
from vimesh.domain.access.caller import ALL_ENGINES, CallerRole
from vimesh.domain.errors import IdentityRequired
from vimesh.domain.vims import Engine


def headers(identity: str, roles: str = "", projects: str = "") -> list[tuple[str, str | bytes]]:
    return [
        ("user-agent", "grpc"),
        ("x-vimesh-identity", identity),
        ("x-vimesh-roles", roles),
        ("x-vimesh-projects", projects),
    ]


def test_a_caller_has_the_roles_and_projects_of_the_headers() -> None:
    caller = read_caller(headers("https://login.example#bob", "reader, operator", "a, b"))

    assert caller.identity == "https://login.example#bob"
    assert caller.roles == {CallerRole.READER, CallerRole.OPERATOR}
    assert caller.projects == frozenset({"a", "b"})
    assert (caller.sees("a"), caller.sees("c"), caller.only_project) == (True, False, "")


def test_no_projects_are_none_and_a_star_is_all() -> None:
    assert read_caller(headers("x#y", "reader")).projects == frozenset()
    assert read_caller(headers("x#y", "reader", "a,*")).projects is None
    assert read_caller(headers("x#y", "reader", "a")).only_project == "a"


def test_an_administrator_has_all_projects_and_engines() -> None:
    caller = read_caller(headers("x#y", "admin", "a"))

    assert (caller.projects, caller.engines) == (None, ALL_ENGINES)


@pytest.mark.parametrize(
    ("identity", "roles", "engines"),
    [
        ("spiffe://vimesh/monitor/m1", "reporter", {Engine.EMBEDDED}),
        ("spiffe://vimesh/executor/e1", "reporter", {Engine.MISTRAL}),
        ("spiffe://vimesh/bridge/b1", "reporter", {Engine.EXTERNAL}),
        ("https://login.example#spiffe://vimesh/monitor/m1", "reporter", {Engine.EXTERNAL}),
        ("spiffe://vimesh/monitor/m1", "reader,operator", set()),
    ],
)
def test_who_may_report_does_so_for_its_own_engine(identity: str, roles: str, engines: set[Engine]) -> None:
    assert read_caller(headers(identity, roles, "*")).engines == engines


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        headers(""),
        [("x-vimesh-roles", "admin")],
        [*headers("x#y", "reader"), ("x-vimesh-identity", "x#z")],
        [*headers("x#y", "reader"), ("x-vimesh-roles", "admin")],
        [("x-vimesh-identity", b"x#y")],
        headers("x" * 1025),
        headers("x\x7fy"),
        headers("Ärzte#y"),
        headers("x#y", "root"),
        headers("x#y", "reader" + "," * 300),
        headers("x#y", "reader", "a," * 5000),
        headers("x#y", "reader", "a" * 256),
    ],
)
def test_what_no_front_writes_names_nobody(metadata: list[tuple[str, str | bytes]]) -> None:
    with pytest.raises(IdentityRequired):
        read_caller(metadata)
