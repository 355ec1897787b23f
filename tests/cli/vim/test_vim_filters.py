"""What users filter and summarize, with a real fleet."""

from __future__ import annotations

import re
import uuid

import pytest

from tests.support.callers.commands import Command

pytestmark = pytest.mark.fleet

NOWHERE = ("--auth-url", "http://127.0.0.1:9/v3")


def test_vims_are_filtered_and_counted(user: Command) -> None:
    run = uuid.uuid4().hex[:8]
    for region in ("eu", "us"):
        for number in range(2):
            labels = ("-l", f"run={run}", "-l", f"region={region}")
            registered = user("vim", "register", f"{run}-{region}-{number}", *NOWHERE, *labels)
            assert registered.code == 0, registered.err
    both = f'labels.run = {run} AND (name = "*-0" OR labels.region = us)'

    listed = user("vim", "list", "--filter", both, "-o", "json")
    assert [vim["name"] for vim in listed.json] == [f"{run}-eu-0", f"{run}-us-0", f"{run}-us-1"]
    events = user("vim", "events", "--filter", f"{both} AND status = PENDING", "-o", "json")
    assert {event["vim_id"] for event in events.json} == {vim["id"] for vim in listed.json}
    table = user("vim", "summary", "--by", "labels.region", "--by", "type", "-l", f"run={run}")
    rows = [line.split() for line in table.out.splitlines()]
    assert rows[0] == ["LABELS.REGION", "TYPE", "TOTAL", "REACHABLE", "UNREACHABLE", "UNKNOWN", "PENDING"]
    assert [row[:3] for row in rows[1:3]] == [["eu", "openstack", "2"], ["us", "openstack", "2"]]
    assert rows[3][:2] == ["all", "4"]
    summary = user("vim", "summary", "--by", "project", "--filter", both, "-o", "json").json
    assert [(group["values"], group["counts"]["total"]) for group in summary["groups"]] == [([{"value": "default"}], 3)]


def test_a_mistake_in_a_filter_is_pointed_at(user: Command) -> None:
    for command in (("list",), ("events",), ("summary",), ("watch",)):
        refused = user("vim", *command, "--filter", "status = REACHABLE AND colour = red")

        assert refused.code == 2
        assert refused.err.startswith("error: --filter: ")
        assert "'colour' cannot be filtered by; use one of id, name," in refused.err
        assert "  status = REACHABLE AND colour = red\n                         ^\n" in refused.err


def test_help_lists_fields_and_operators(user: Command) -> None:
    for command in ("list", "events", "summary", "watch"):
        text = user("vim", command, "--help").out

        assert re.search(r"^ +status_time +[=] != < <= > >= +since when", text, re.MULTILINE)
        assert re.search(r"^ +labels\.KEY +[=] != :", text, re.MULTILINE)
