"""What users do to VIMs, with a real fleet."""

from __future__ import annotations

import re
import socket
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml

from tests.cli.targets import Target
from tests.support.callers.commands import Command

pytestmark = pytest.mark.fleet

QUICK = ("--interval", "500ms", "--timeout", "200ms")
NOWHERE = "http://127.0.0.1:9/v3"


@pytest.fixture
def name() -> str:
    return f"vim-{uuid.uuid4().hex[:8]}"


def test_a_registered_vim_is_shown_by_name_and_by_id(user: Command, name: str) -> None:
    registered = user("vim", "register", "--name", name, "--type", "kubernetes", "--auth-url", NOWHERE, "-o", "json")

    assert registered.code == 0
    vim_id = registered.json["id"]
    assert registered.json["type"] == "kubernetes"
    assert user("vim", "show", name, "-o", "json").json["id"] == vim_id
    assert user("vim", "show", vim_id, "-o", "yaml").code == 0
    shown = user("vim", "show", vim_id).out
    assert "auth_url" in shown
    assert NOWHERE in shown


def test_register_waits_for_a_status_and_prints_it(user: Command, name: str, cloud: Target) -> None:
    done = user("vim", "register", name, "--auth-url", cloud.auth_url, *QUICK, "--wait", "REACHABLE", "-o", "json")

    assert done.code == 0, done.err
    assert done.json["status"] == "REACHABLE"
    assert done.json["monitor"]["state"] == "RUNNING"
    assert list(done.json)[:3] == ["id", "project_id", "name"]


def test_a_register_that_waited_in_vain_says_that_it_registered_and_how_to_go_on(user: Command, name: str) -> None:
    done = user("vim", "register", name, "--auth-url", NOWHERE, "--wait", "reachable", "--wait-timeout", "200ms")

    assert done.code == 4
    assert f"hint: {name} is registered; to continue waiting: vimesh vim wait {name} --for REACHABLE\n" in done.err
    assert user("vim", "show", name).code == 0


def test_only_a_wait_can_be_for_the_end_of_a_vim(vimesh: Command) -> None:
    nowhere = ("--address", "127.0.0.1:9")
    for status in ("UP", "deleted"):
        done = vimesh("vim", "register", "x", "--auth-url", NOWHERE, "--wait", status, *nowhere)
        assert done.code == 2
        assert "must be one of REACHABLE, UNREACHABLE, UNKNOWN, PENDING, not" in done.err
    assert "PENDING or deleted, not 'UP'" in vimesh("vim", "wait", "x", "--for", "UP", *nowhere).err


def test_a_repeated_register_with_the_same_request_id_answers_with_the_same_vim(user: Command, name: str) -> None:
    again = ("vim", "register", name, "--auth-url", NOWHERE, "--request-id", str(uuid.uuid4()), "-o", "json")

    assert user(*again).json["id"] == user(*again).json["id"]


def test_a_vim_can_bring_its_id_and_its_engine_and_move(user: Command, name: str, cloud: Target) -> None:
    vim_id = str(uuid.uuid4())
    whose = ("--id", vim_id, "--engine", "external", "--auth-url", cloud.auth_url, *QUICK)

    registered = user("vim", "register", name, *whose, "-o", "json").json
    assert (registered["id"], registered["monitor"]["engine"]) == (vim_id, "EXTERNAL")
    assert registered["monitor"]["action_id"] == vim_id

    moved = user("vim", "set", name, "--engine", "embedded", "-o", "json").json
    assert moved["monitor"]["engine"] == "EMBEDDED"
    assert user("vim", "wait", name, "--for", "REACHABLE", "--timeout", "10s").code == 0
    assert user("vim", "set", name, "--engine", "nowhere").code == 2


def test_every_broken_rule_is_a_line_and_nothing_is_registered(user: Command, name: str) -> None:
    done = user(
        "vim", "register", name, "--auth-url", NOWHERE, "--interval", "2h", "--timeout", "1ms", "--fail-for", "2h"
    )

    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("error: the request is invalid (BAD_INPUT)\n")
    assert "  --interval: " in done.err
    assert "  --timeout: " in done.err
    assert "  --fail-for: " in done.err
    assert user("vim", "show", name).code == 3


def test_what_the_fleet_refuses_is_named_as_it_was_typed(user: Command, name: str) -> None:
    for flag, value in (("--type", "openstck"), ("--auth-url", "ftp://h"), ("--project", "a\tb"), ("--id", "no-uuid")):
        flags = {"--auth-url": NOWHERE, flag: value}
        done = user("vim", "register", name, *(word for pair in flags.items() for word in pair))

        assert done.code == 2, done.err
        assert done.err.startswith(f"error: {flag}: ")


def test_a_taken_name_says_so_and_what_to_do(user: Command, name: str) -> None:
    user("vim", "register", name, "--auth-url", NOWHERE)

    done = user("vim", "register", name, "--auth-url", NOWHERE)

    assert done.code == 1
    assert "(NAME_TAKEN)" in done.err
    assert "hint: " in done.err


def test_a_name_that_two_projects_have_needs_the_project(user: Command, name: str) -> None:
    for project in ("red", "blue"):
        user("vim", "register", name, "--auth-url", NOWHERE, "--project", project)

    ambiguous = user("vim", "show", name)

    assert ambiguous.code == 1
    assert "in project red" in ambiguous.err
    assert "--project" in ambiguous.err
    assert user("vim", "show", name, "--project", "blue", "-o", "json").json["project_id"] == "blue"


def test_list_filters_orders_limits_and_prints_an_array(user: Command, name: str) -> None:
    for suffix in "abc":
        user("vim", "register", f"{name}-{suffix}", "--auth-url", NOWHERE)

    def names(*flags: str) -> list[str]:
        return [vim["name"] for vim in user("vim", "list", "--filter", f'name = "{name}*"', *flags, "-o", "json").json]

    assert names() == [f"{name}-{suffix}" for suffix in "abc"]
    assert names("--order-by", "name desc", "--limit", "2") == [f"{name}-c", f"{name}-b"]
    assert user("vim", "list", "--filter", "name = nobody", "-o", "json").out == "[]\n"
    table = user("vim", "list", "--filter", f'name = "{name}*"').out.splitlines()
    assert table[0].split() == ["ID", "NAME", "TYPE", "STATUS", "REASON", "SINCE", "AUTH_URL"]
    assert len(table) == 4
    assert "PROBE" in user("vim", "list", "--long").out
    columns = ("-c", "NAME", "--no-headers", "--sort-by", "NAME desc", "--limit", "1")
    assert user("vim", "list", "--filter", f'name = "{name}*"', *columns).out == f"{name}-c\n"
    assert user("vim", "show", f"{name}-a", "-o", "name").out == f"{name}-a\n"


def test_set_changes_one_rule_of_the_probe_and_keeps_the_others(user: Command, name: str) -> None:
    user("vim", "register", name, "--auth-url", NOWHERE, "--interval", "7s", "--method", "tcp", "--fail-for", "6s")

    policy = user("vim", "set", name, "--fall", "5", "-o", "json").json["probe_policy"]

    assert (policy["method"], policy["interval"], policy["fall"], policy["fail_for"]) == ("TCP", "7s", 5, "6s")


def test_how_long_failures_must_last_is_set_and_shown(user: Command, name: str) -> None:
    registered = user("vim", "register", name, "--auth-url", NOWHERE, "-o", "json").json
    assert registered["probe_policy"]["fail_for"] == "0s"
    assert user("vim", "set", name, "--fail-for", "1.5s").code == 0

    assert re.search(r"probe_policy\.fail_for +1\.500s\n", user("vim", "show", name).out)
    [row] = [line for line in user("vim", "list", "--long").out.splitlines() if name in line]
    assert "fall 3, rise 1, fail for 1.5s" in row
    assert user("vim", "set", name, "--fail-for", "0s", "-o", "json").json["probe_policy"] == registered["probe_policy"]


def test_from_where_a_vim_is_probed_is_set_and_shown(user: Command, name: str) -> None:
    places = ["--vantage", "eu", "--vantage", "us"]
    registered = user("vim", "register", name, "--auth-url", NOWHERE, *places, "--quorum", "2", "-o", "json").json
    assert (registered["probe_policy"]["vantages"], registered["probe_policy"]["quorum"]) == (["eu", "us"], 2)

    shown = user("vim", "show", name).out
    assert re.search(r"views\.eu\.status +PENDING\n", shown)
    assert re.search(r"views\.us\.action_id +[0-9a-f-]{36}\n", shown)
    [row] = [line for line in user("vim", "list", "--long").out.splitlines() if name in line]
    assert "rise 1, from eu, us, quorum 2" in row
    exported = user("export", "--filter", f"name = {name}", "-o", "json").json["vims"]
    assert exported[0]["probe_policy"] == {"vantages": ["eu", "us"], "quorum": 2}
    assert user("vim", "set", name, "--vantage", "asia").code != 0
    assert user("vim", "set", name, "--vantage", "asia", "--quorum", "0").code == 0
    assert "views." not in user("vim", "show", name).out
    assert "--vantage: must be" in user("vim", "set", name, "--vantage", "the moon").err


def test_how_deep_a_vim_is_looked_into_is_set_and_shown(user: Command, name: str) -> None:
    deep = ["--depth", "login", "--login-interval", "10m"]
    registered = user("vim", "register", name, "--auth-url", NOWHERE, *deep, "-o", "json").json
    assert (registered["probe_policy"]["depth"], registered["probe_policy"]["login_interval"]) == ("LOGIN", "600s")

    [row] = [line for line in user("vim", "list", "--long").out.splitlines() if name in line]
    assert "rise 1, depth login every 600s" in row
    exported = user("export", "--filter", f"name = {name}", "-o", "json").json["vims"]
    assert exported[0]["probe_policy"] == {"depth": "login", "login_interval": "600s"}
    refused = user("vim", "set", name, "--method", "ping")
    assert "LOGIN needs the method HTTP, and this VIM has PING; change one of them" in refused.err
    assert user("vim", "set", name, "--method", "ping", "--depth", "address").code == 0
    assert "--depth: must be one of address, api, service, login" in user("vim", "set", name, "--depth", "deep").err


def test_set_changes_what_is_named_and_nothing_else(user: Command, name: str) -> None:
    user("vim", "register", name, "--auth-url", NOWHERE, "--description", "old", "--project", name, "--default")

    changed = user("vim", "set", name, "--name", f"{name}-2", "--no-default", "-o", "json").json

    assert (changed["name"], changed["description"], changed["is_default"]) == (f"{name}-2", "old", False)
    assert user("vim", "set", f"{name}-2", "--description", "", "-o", "json").json["description"] == ""


def test_set_with_an_old_etag_changes_nothing(user: Command, name: str) -> None:
    etag = user("vim", "register", name, "--auth-url", NOWHERE, "-o", "json").json["etag"]
    user("vim", "set", name, "--description", "newer")

    done = user("vim", "set", name, "--description", "older", "--etag", etag)

    assert done.code == 1
    assert "(ETAG_MISMATCH)" in done.err
    assert user("vim", "show", name, "-o", "json").json["description"] == "newer"


def test_deregister_takes_many_and_removes_none_if_one_is_unknown(user: Command, name: str) -> None:
    for suffix in "ab":
        user("vim", "register", f"{name}-{suffix}", "--auth-url", NOWHERE)

    assert user("vim", "deregister", f"{name}-a", f"{name}-x").code == 3
    assert user("vim", "show", f"{name}-a").code == 0
    assert user("vim", "delete", f"{name}-a", f"{name}-b").out.count("deregistered") == 2
    assert user("vim", "show", f"{name}-a").code == 3


@pytest.mark.parametrize("sample", ["openstack", "kubernetes"])
def test_tackers_files_register_with_their_credentials_masked(user: Command, name: str, sample: str) -> None:
    file = Path(__file__).parents[3] / "samples" / f"vim-{sample}.yaml"
    secret = {"openstack": "password", "kubernetes": "bearer_token"}[sample]

    done = user("vim", "register", name, "--config-file", str(file), "--auth-url", NOWHERE, "-o", "json")

    assert done.code == 0, done.err
    assert (done.json["type"], done.json["auth_url"]) == (sample, NOWHERE)
    assert done.json["auth_cred"][secret] == "***"
    assert yaml.safe_load(file.read_text())[secret] not in done.out + done.err
    changed = user("vim", "set", name, "--config-file", str(file), "-o", "json").json
    assert changed["auth_url"] == yaml.safe_load(file.read_text())["auth_url"]


def test_nothing_at_the_address_ends_with_5_and_the_next_step(vimesh: Command) -> None:
    done = vimesh("vim", "list", "--address", "127.0.0.1:9")

    assert done.code == 5
    assert done.out == ""
    assert "127.0.0.1:9" in done.err
    assert "vimesh up" in done.err


@pytest.fixture
def mute() -> Generator[str]:
    """Give the address of somebody who takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_call_that_is_not_answered_in_time_ends_with_5(vimesh: Command, mute: str) -> None:
    done = vimesh("vim", "list", "--address", mute, "--timeout", "200ms")

    assert done.code == 5
    assert "did not answer in time" in done.err


def test_a_register_without_an_answer_says_how_to_repeat_it_safely(vimesh: Command, mute: str) -> None:
    done = vimesh("vim", "register", "x", "--auth-url", NOWHERE, "--address", mute, "--call-timeout", "200ms")

    assert done.code == 5
    assert "--request-id " in done.err
