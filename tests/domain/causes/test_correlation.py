from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.timing.cpu_budget import cpu_budget
from vimesh.domain.causes.correlation import MIN_MEMBERS, MIN_SHARE, Correlation, is_settled, join
from vimesh.domain.causes.traits import (
    CauseMember,
    Places,
    Trait,
    host_of,
    kinds_of_reason,
    trait_of_label,
    trait_of_subject,
    traits_of,
)
from vimesh.domain.vims import CauseKind, Status

_NOWHERE: Places = ()


def _member(vim_id: str = "a", host: str = "192.0.2.1", reason: str = "TIMEOUT", **labels: str) -> CauseMember:
    return CauseMember(vim_id, "p", host, True, labels, Status.UNREACHABLE, reason, 5.0)


def _subjects(host: str, kind: CauseKind) -> list[str]:
    return [trait.subject for trait in traits_of(_member(host=host), _NOWHERE) if trait.kind is kind]


@pytest.mark.parametrize(
    ("host", "kind", "subjects"),
    [
        (
            "192.0.2.77",
            CauseKind.NETWORK,
            [
                *("192.0.2.77/32", "192.0.2.0/24", "192.0.0.0/22", "192.0.0.0/20", "192.0.0.0/16"),
                *("192.0.0.0/12", "192.0.0.0/8"),
            ],
        ),
        (
            "2001:db8:1:2::5",
            CauseKind.NETWORK,
            [
                *("2001:db8:1:2::5/128", "2001:db8:1:2::/64", "2001:db8:1::/56", "2001:db8:1::/48"),
                "2001:db8::/32",
            ],
        ),
        ("api.edge.example.org", CauseKind.RESOLVER, ["all names", "edge.example.org", "example.org"]),
        ("api.edge.example.org", CauseKind.CERTIFICATE, ["*.edge.example.org", "*.example.org"]),
        ("api.Example.org", CauseKind.NETWORK, ["api.example.org", "*.example.org"]),
        ("fe80::1%eth0", CauseKind.RESOLVER, []),
    ],
)
def test_traits_of_a_host(host: str, kind: CauseKind, subjects: list[str]) -> None:
    assert _subjects(host, kind) == subjects


@pytest.mark.parametrize(
    ("reason", "kinds"),
    [
        ("SILENT", {CauseKind.MONITOR, CauseKind.VANTAGE}),
        ("DISPUTED", {CauseKind.MONITOR, CauseKind.VANTAGE}),
        ("NO_QUORUM", {CauseKind.MONITOR, CauseKind.VANTAGE}),
        ("LOCAL_NO_ROUTE", {CauseKind.MONITOR, CauseKind.VANTAGE}),
        ("DNS", {CauseKind.MONITOR, CauseKind.VANTAGE, CauseKind.RESOLVER, CauseKind.LABEL}),
        ("TLS", {CauseKind.MONITOR, CauseKind.VANTAGE, CauseKind.CERTIFICATE, CauseKind.LABEL}),
        ("TIMEOUT", {CauseKind.MONITOR, CauseKind.VANTAGE, CauseKind.NETWORK, CauseKind.LABEL}),
        ("HTTP_503", {CauseKind.MONITOR, CauseKind.VANTAGE, CauseKind.NETWORK, CauseKind.LABEL}),
    ],
)
def test_a_reason_says_what_can_be_the_cause(reason: str, kinds: set[CauseKind]) -> None:
    assert kinds_of_reason(reason) == kinds


@pytest.mark.parametrize(
    ("auth_url", "host", "is_tls"),
    [
        ("https://Keystone.example.org:5000/v3", "keystone.example.org", True),
        ("http://[2001:db8::1]/", "2001:db8::1", False),
        ("https://192.0.2.1", "192.0.2.1", True),
        ("http://user@192.0.2.1/", "192.0.2.1", False),
        ("http://[fe80::1%25eth0]:80/v3", "fe80::1%eth0", False),
        ("nothing", "", False),
    ],
)
def test_the_host_of_an_auth_url(auth_url: str, host: str, is_tls: bool) -> None:
    assert host_of(auth_url) == (host, is_tls)


@pytest.mark.parametrize("host", ["192.0.2.77", "2001:db8:1:2::5", "a.edge.example.org", "localhost"])
def test_a_trait_is_found_again_by_its_subject(host: str) -> None:
    for trait in traits_of(_member(host=host, rack="a7"), (("m", "v"),)):
        assert trait_of_subject(trait.kind, trait.subject, trait.project_id) == trait


def test_changes_join_a_cause_that_lasts_if_it_can_explain_them() -> None:
    causes = {
        trait_of_subject(CauseKind.NETWORK, "192.0.2.0/24", ""): "prefix",
        trait_of_subject(CauseKind.NETWORK, "198.51.100.7/32", ""): "host",
        trait_of_subject(CauseKind.MONITOR, "m", ""): "monitor",
    }
    members = {
        "prefix": _member("a", "192.0.2.9"),
        "host": _member("b", "198.51.100.7"),
        "monitor": _member("m", "203.0.113.1", "SILENT"),
        "": _member("c", "192.0.2.10", "TLS"),
    }

    joined, others = join(members.values(), causes, lambda member: ((member.vim_id, ""),))

    assert joined == {cause_id: [member] for cause_id, member in members.items() if cause_id}
    assert others == [members[""]]


@pytest.mark.parametrize(
    ("ages_s", "settled"),
    [
        ([5.0] * 40, True),
        ([5.0] * 40 + [1.0] * 10, False),
        ([25.0] * 3 + [1.0] * 40, True),
        ([25.0] + [1.0] * 40, False),
        ([1.0] * 3, False),
    ],
)
def test_changes_are_judged_once_hardly_any_more_come(ages_s: list[float], settled: bool) -> None:
    assert is_settled(_member()._replace(age_s=age_s) for age_s in ages_s) is settled


def test_what_two_vims_share_is_no_cause() -> None:
    changes = [_member(str(number), proxy="p1") for number in range(MIN_MEMBERS - 1)]

    assert Correlation(changes, lambda _: _NOWHERE).find_causes({}) == []


def test_of_equal_explanations_ours_comes_before_those_of_others() -> None:
    changes = [_member(str(number), proxy="p1") for number in range(MIN_MEMBERS)]

    ours = Correlation(changes, lambda _: (("m", "v"),)).find_causes({})
    others = Correlation(changes, lambda _: _NOWHERE).find_causes({})

    assert [cause.trait.kind for cause in ours] == [CauseKind.MONITOR]
    assert [cause.trait.subject for cause in others] == ["192.0.2.1/32"]


def test_a_label_is_something_only_within_its_project() -> None:
    of_two = [
        _member(f"{project}{number}", f"192.0.{number}.1", rack="a7")._replace(project_id=project)
        for project, count in (("p", 4), ("q", 2))
        for number in range(count)
    ]
    index = [*of_two, *(member._replace(status=Status.REACHABLE, project_id="r") for member in of_two)]
    populations: dict[Trait, int] = {}
    correlation = Correlation(of_two, lambda _: _NOWHERE)
    correlation.count(index, populations)

    [cause] = correlation.find_causes(populations)
    joined, others = join(of_two, {cause.trait: "lasting"}, lambda _: _NOWHERE)

    assert (cause.trait.subject, cause.trait.project_id, cause.population) == ("rack=a7", "p", 4)
    assert {member.project_id for member in cause.members} == {"p"}
    assert (joined, others) == ({"lasting": of_two[:4]}, of_two[4:])


def test_what_one_of_several_vantages_loses_is_named_after_it_unless_it_reaches_others() -> None:
    lost = [_member(f"{number}", f"192.0.{number}.1", "DISPUTED")._replace(vantages=("eu",)) for number in range(4)]
    healthy = [_member(f"w{number}")._replace(status=Status.REACHABLE, vantages=("eu", "us")) for number in range(2)]

    def places_of(member: CauseMember) -> Places:
        return tuple((f"m-{vantage}", vantage) for vantage in member.vantages)

    def names(well: list[CauseMember]) -> list[str]:
        populations: dict[Trait, int] = {}
        correlation = Correlation(lost, places_of)
        correlation.count([*lost, *well], populations)
        return [cause.trait.subject for cause in correlation.find_causes(populations)]

    assert names([]) == names(healthy[:1]) == ["m-eu"]
    assert names(healthy) == []
    assert names([each._replace(vantages=("us",)) for each in healthy]) == ["m-eu"]


_MEMBERS = st.builds(
    CauseMember,
    vim_id=st.uuids().map(str),
    project_id=st.sampled_from("pq"),
    host=st.sampled_from(["10.0.0.1", "10.0.0.2", "10.0.1.1", "2001:db8::1", "a.example.org", "b.example.org", ""]),
    is_tls=st.booleans(),
    labels=st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"), max_size=3),
    status=st.sampled_from(Status),
    reason=st.sampled_from(["TIMEOUT", "DNS", "TLS", "SILENT", "HTTP_500"]),
    age_s=st.sampled_from([5.0, 1e6]),
)


@settings(deadline=None)
@given(st.lists(_MEMBERS, max_size=40, unique_by=lambda member: member.vim_id), st.randoms())
def test_each_cause_has_most_of_its_members_and_none_of_another_in_whatever_order(
    members: list[CauseMember], chance: random.Random
) -> None:
    def places_of(member: CauseMember) -> Places:
        return ((member.vim_id[0], "v"),)

    bad = (Status.UNREACHABLE, Status.UNKNOWN)
    changes = [member for member in members if member.changed_lately and member.status in bad]
    populations: dict[Trait, int] = {}
    correlation = Correlation(changes, places_of)
    correlation.count(members, populations)
    causes = correlation.find_causes(populations)

    ids = [member.vim_id for cause in causes for member in cause.members]
    assert len(ids) == len(set(ids))
    for cause in causes:
        assert len(cause.members) >= MIN_MEMBERS
        having = [each for each in changes if cause.trait in traits_of(each, places_of(each))]
        assert len(having) >= MIN_SHARE * cause.population
    chance.shuffle(changes)
    again = Correlation(changes, places_of).find_causes(populations)
    assert {cause.trait for cause in again} == {cause.trait for cause in causes}


@pytest.mark.alone
@pytest.mark.timeout(120)
def test_a_hundred_thousand_changes_take_less_than_a_second() -> None:
    members = [
        _member(
            f"{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", rack=f"r{number % 500}", env="prod"
        )
        for number in range(100_000)
    ]
    populations = {trait_of_label("p", "env", "prod"): 200_000}

    for attempt in cpu_budget(1.0):
        with attempt:
            causes = Correlation(members, lambda member: ((member.vim_id[-1], "v"),)).find_causes(populations)

    assert [(cause.trait.subject, len(cause.members)) for cause in causes] == [("v", 100_000)]
