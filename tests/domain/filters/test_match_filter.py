"""Which VIMs match a filter, and what is left of one in which something is decided."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from itertools import product

import pytest

from vimesh.domain.conditions.conditions import Certificate, ConditionStatus, TimedCondition
from vimesh.domain.filters.filter_terms import ALWAYS, NEVER, Term
from vimesh.domain.filters.match_filter import has_pattern
from vimesh.domain.filters.parse_filter import parse_filter
from vimesh.domain.filters.simplify_filter import simplify
from vimesh.domain.filters.vim_filter import Filter
from vimesh.domain.probing import ProbePolicy
from vimesh.domain.vims import Engine, Monitor, MonitorState, Status, Vim, VimMaintenance

_DAY = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
VIM = Vim(
    id="0b0b",
    project_id="lab",
    name="eu (1)",
    description="",
    type="openstack",
    auth_url="http://10.0.0.5:5000/v3",
    vim_project={},
    auth_cred={},
    is_default=False,
    placement_attr={},
    extra={},
    policy=ProbePolicy(),
    status=Status.UNREACHABLE,
    reason="TIMEOUT",
    detail="",
    round_trip_s=None,
    status_time=_DAY,
    valid_until=None,
    monitor=Monitor(Engine.EMBEDDED, "", MonitorState.RUNNING, "", None),
    revision=2,
    etag="",
    create_time=_DAY - dt.timedelta(days=1),
    update_time=_DAY - dt.timedelta(microseconds=1),
    labels={"region": "eu-1", "empty": ""},
    maintenance=VimMaintenance("0c0c", "a new kernel", _DAY),
    conditions=(
        TimedCondition("CertificateValid", ConditionStatus.TRUE, "", "", _DAY),
        TimedCondition("Reachable", ConditionStatus.FALSE, "TIMEOUT", "", _DAY),
        TimedCondition("ServiceReady", ConditionStatus.UNKNOWN, "NOT_REACHABLE", "", _DAY),
    ),
    certificate=Certificate("", "CN=An issuer", (), _DAY, _DAY, "", (), None, ""),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("condition.Reachable = FALSE", True),
        ("condition.ServiceReady = FALSE", False),
        ("condition.ServiceReady = UNKNOWN", True),
        ("condition.ServiceReady != TRUE", True),
        ('condition."Endpoint/compute" != TRUE', True),
        ("condition.Endpoint/compute = UNKNOWN", False),
        ("condition.CertificateValid = TRUE AND certificate.not_after < 2026-12-01", True),
        ("NOT condition.CertificateValid = TRUE", False),
        ("certificate.issuer : issuer", True),
        ('certificate.issuer = "CN=Another"', False),
        ("id = 0B0B", True),
        ('name = "eu*" AND type = openstack', True),
        ('name = "eu"', False),
        ('name : "u ("', True),
        ('name : "U"', False),
        ("name != eu*", False),
        ("auth_url : 10.0.*.5", True),
        ("reason : *", True),
        ("NOT reason = TIMEOUT", False),
        ("status != REACHABLE AND engine = EMBEDDED", True),
        ("status = REACHABLE OR project_id = lab", True),
        ("is_default = false", True),
        ("is_default != false", False),
        ("status_time = 2026-10-01", True),
        ("status_time > 2026-10-01", False),
        ("status_time <= 2026-10-01 AND status_time >= 2026-10-01T02:00:00+02:00", True),
        ("update_time < 2026-10-01 AND update_time > 2026-09-30T23:59:59.999998Z", True),
        ("create_time != 2026-09-30", False),
        ("maintenance = true", True),
        ("maintenance != true", False),
        ("labels.region = eu-1", True),
        ("labels.region = eu*", True),
        ("labels.region != eu*", False),
        ("labels.region = *-2", False),
        ("labels.region : u-", True),
        ("labels.region : *", True),
        ("labels:empty", True),
        ('labels.empty = ""', True),
        # As in Kubernetes, a label that a VIM does not have differs from every value.
        ("labels.owner != a", True),
        ("labels.owner = *", False),
        ("labels:owner", False),
    ],
)
def test_a_vim_matches_or_not(text: str, expected: bool) -> None:
    assert parse_filter(text).matches(VIM) is expected


def test_patterns_match_as_a_regular_expression_would() -> None:
    for letters in product("ab*", repeat=4):
        pattern = "".join(letters)
        expression = ".*".join(map(re.escape, pattern.split("*")))
        for length in range(6):
            for text in map("".join, product("ab", repeat=length)):
                assert has_pattern(text, pattern) is bool(re.fullmatch(expression, text)), (text, pattern)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("status = UNKNOWN", ALWAYS),
        ("status != UNKNOWN", NEVER),
        ("NOT status = UNKNOWN", NEVER),
        ("status = UNKNOWN AND name = a", parse_filter("name = a").root),
        ("status = REACHABLE AND name = a", NEVER),
        ("status = REACHABLE OR name = a", parse_filter("name = a").root),
        ("status = UNKNOWN OR name = a", ALWAYS),
        ("NOT (status = REACHABLE OR name = a OR name = b)", parse_filter("NOT (name = a OR name = b)").root),
        ("NOT (status = REACHABLE AND name = a)", ALWAYS),
        ("name = a AND name = b", parse_filter("name = a AND name = b").root),
    ],
)
def test_what_is_decided_leaves_a_filter(text: str, left: object) -> None:
    unknown = replace(VIM, status=Status.UNKNOWN)

    def decide(term: Term) -> bool | None:
        return Filter(term).matches(unknown) if term.field == "status" else None

    assert simplify(parse_filter(text).root, decide) == left
