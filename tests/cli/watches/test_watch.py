"""Watching, waiting and looking back, with a real fleet."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.cli.targets import Target
from tests.support.callers.commands import Command
from tests.support.callers.running import running

pytestmark = pytest.mark.fleet

QUICK = ("--interval", "500ms", "--timeout", "200ms")


@pytest.fixture
def name() -> str:
    return f"vim-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def reachable(user: Command, name: str, cloud: Target) -> str:
    done = user("vim", "register", name, "--auth-url", cloud.auth_url, *QUICK, "--wait", "REACHABLE", "-o", "json")
    assert done.code == 0, done.err
    return str(done.json["id"])


def test_wait_ends_as_soon_as_the_status_is_there(user: Command, name: str, reachable: str, cloud: Target) -> None:
    assert user("vim", "wait", name, "--for", "REACHABLE").code == 0

    cloud.go()
    done = user("vim", "wait", reachable, "--for", "unreachable", "-o", "json")

    assert done.code == 0, done.err
    assert (done.json[0]["status"], done.json[0]["reason"]) == ("UNREACHABLE", "REFUSED")


def test_wait_ends_with_4_when_the_time_is_over(user: Command, name: str, reachable: str) -> None:
    done = user("vim", "wait", reachable, "--for", "UNREACHABLE", "--timeout", "200ms")

    assert done.code == 4
    assert f"{name} ({reachable}) is REACHABLE and not UNREACHABLE after 200ms" in done.err


def test_wait_for_deleted_ends_when_it_is_gone(user: Command, reachable: str) -> None:
    with running(user.folder, "vim", "watch", reachable, **user.environment) as watch:
        watch.line_with("is REACHABLE")
        with running(user.folder, "vim", "wait", reachable, "--for", "deleted", **user.environment) as wait:
            user("vim", "deregister", reachable)
            assert wait.ended() == 0
        watch.line_with("DEREGISTERED")

    assert user("vim", "wait", reachable, "--for", "deleted").code == 0
    assert user("vim", "wait", reachable, "--for", "REACHABLE").code == 3


def test_watch_prints_one_object_a_line_and_ends_well_on_ctrl_c(
    user: Command, name: str, reachable: str, cloud: Target
) -> None:
    with running(user.folder, "vim", "watch", name, "-o", "json", **user.environment) as watch:
        first = json.loads(watch.line_with(reachable))
        cloud.go()
        second = json.loads(watch.line_with(reachable))
        cloud.come()
        third = json.loads(watch.line_with(reachable))
        watch.interrupt()
        assert watch.ended() == 0

    assert first["vim"]["status"] == "REACHABLE"
    assert (second["event"]["kind"], second["event"]["status"]) == ("STATUS_CHANGED", "UNREACHABLE")
    assert third["event"]["status"] == "REACHABLE"
    revisions = [int(json.loads(line)["event"]["revision"]) for line in watch.lines if "event" in json.loads(line)]
    assert revisions == sorted(set(revisions))
    past = user("vim", "events", name, "-o", "json").json
    # On a machine without a moment for the cloud, more may have followed.
    assert [event["status"] for event in past][:4] == ["PENDING", "REACHABLE", "UNREACHABLE", "REACHABLE"]


def test_events_can_be_followed_and_are_kept_of_a_vim_that_is_gone(user: Command, name: str, reachable: str) -> None:
    with running(user.folder, "vim", "events", name, "--follow", **user.environment) as follow:
        follow.line_with(name, "REGISTERED")
        follow.line_with(name, "-> REACHABLE")
        user("vim", "deregister", name)
        follow.line_with(name, "DEREGISTERED")
        follow.interrupt()
        assert follow.ended() == 0

    assert user("vim", "events", name).code == 3
    kept = [_when_and_what(line) for line in user("vim", "events", reachable).out.splitlines()]
    assert kept == [_when_and_what(line) for line in follow.lines if name in line]
    assert len(set(kept)) == len(kept)
    # On a busy machine probes may be late: then there are more changes before the last one.
    (_, first), (_, second), *_, (_, last) = kept
    assert (first, last) == ("REGISTERED", "DEREGISTERED")
    assert second.startswith("PENDING -> ")
    assert len(user("vim", "events", "--limit", "2").out.splitlines()) == 2
    last_kind = user(
        "vim", "events", reachable, "--kind", "deregistered", "--since", "1h", "-c", "KIND", "--no-headers"
    )
    assert last_kind.out == "DEREGISTERED\n"
    assert user("vim", "events", reachable, "--until", "1h", "-o", "json").out == "[]\n"


def _when_and_what(line: str) -> tuple[str, str]:
    """Leave out what the VIM is called: one that is gone has only its id."""
    when, _, what = line.split("  ", 2)
    return when, what
