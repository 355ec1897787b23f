"""Receivers become what a file says, by the command, at a real conductor."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from tests.support.callers.commands import AsyncUser, Ended
from tests.support.deployments.secured_conductors import client_as, secured
from vimesh.cli.base.exits import Failure
from vimesh.cli.notifications.apply.receiver_changes import ReceiverChanges
from vimesh.cli.notifications.apply.receivers_file import read_receivers
from vimesh.client.calls.front_stubs import Front
from vimesh.domain.errors import BadSetting
from vimesh.domain.notifications.receivers import MAX_RECEIVERS
from vimesh.files.file_limits import MAX_ENTRY_BYTES
from vimesh.store.notifications import change_receivers
from vimesh.store.sql_store import SqlStore

SAMPLE = (Path(__file__).parents[4] / "samples/receivers.yaml").read_text()
TOKEN = ("--secret", "tacker.bearer_token=token.txt")


async def applied(user: AsyncUser, folder: Path, text: str, *flags: str, code: int = 0) -> Ended:
    (folder / "receivers.yaml").write_text(text)
    (folder / "token.txt").write_text("t0ken\n")
    ended = await user("receiver", "apply", "-f", "receivers.yaml", *flags)
    assert ended.code == code, ended.err
    return ended


async def shown(user: AsyncUser, name: str) -> dict[str, object]:
    fields: dict[str, object] = (await user("receiver", "show", name, "-o", "json")).json
    return fields


async def names(user: AsyncUser) -> list[str]:
    return [one["name"] for one in (await user("receiver", "list", "-o", "json")).json]


async def test_receivers_become_what_the_file_says_and_are_left_alone_afterwards(
    user: AsyncUser, tmp_path: Path
) -> None:
    planned = await applied(user, tmp_path, SAMPLE, *TOKEN, "--dry-run", "server")
    before = await names(user)
    created = await applied(user, tmp_path, SAMPLE, *TOKEN)
    lab, tacker = await shown(user, "lab"), await shown(user, "tacker")
    again = await applied(user, tmp_path, SAMPLE)
    changed = SAMPLE.replace("  group_by: [reason, labels.rack]\n", "").replace("team: lab", "team: ops")
    modified = await applied(user, tmp_path, changed)

    assert planned.out == "receiver lab would be created\nreceiver tacker would be created\n"
    assert (planned.err, before) == ("dry run: nothing was changed\n", [])
    assert created.out == "receiver lab was created\nreceiver tacker was created\n"
    assert (lab["group_by"], tacker["repeat_interval"]) == (["reason", "labels.rack"], "0s")
    assert again.out == "receiver lab is unchanged\nreceiver tacker is unchanged\n"
    assert modified.out == "receiver lab was modified: group_by, alertmanager\nreceiver tacker is unchanged\n"
    after = await shown(user, "lab")
    assert (after["id"], after["group_by"]) == (lab["id"], ["reason"])
    assert await shown(user, "tacker") == tacker


async def test_a_stored_secret_is_kept_replaced_or_removed_as_the_file_says(user: AsyncUser, tmp_path: Path) -> None:
    await applied(user, tmp_path, SAMPLE, *TOKEN)

    kept = await applied(user, tmp_path, SAMPLE)
    same = await applied(user, tmp_path, SAMPLE, *TOKEN)
    other = await applied(user, tmp_path, SAMPLE.replace('"***"', "another"), "-o", "json")
    removed = await applied(user, tmp_path, SAMPLE.replace("bearer_token:", "# bearer_token:"), "--dry-run", "server")

    assert kept.out == same.out == "receiver lab is unchanged\nreceiver tacker is unchanged\n"
    assert [(one["outcome"], one["name"], one["fields"]) for one in other.json] == [
        ("UNCHANGED", "lab", []),
        ("MODIFIED", "tacker", ["tacker"]),
    ]
    assert removed.out.endswith("receiver tacker would be modified: tacker\n")
    assert "another" not in other.out + other.err


async def test_a_disabled_receiver_stays_so_unless_the_file_enables_it(user: AsyncUser, tmp_path: Path) -> None:
    await applied(user, tmp_path, SAMPLE, *TOKEN)
    await user("receiver", "modify", "lab", "--disable")

    silent = await applied(user, tmp_path, SAMPLE)
    explicit = await applied(user, tmp_path, SAMPLE.replace("name: lab", "name: lab\n  disabled: false"))

    assert silent.out.startswith("receiver lab is unchanged\n")
    assert explicit.out.startswith("receiver lab was modified: disabled\n")
    assert not (await shown(user, "lab"))["disabled"]


async def test_pruning_deletes_what_the_file_lacks_of_its_projects_only(user: AsyncUser, tmp_path: Path) -> None:
    await user("receiver", "create", "old", "--tacker", "https://t.example")
    await user("receiver", "create", "old", "--tacker", "https://t.example", "--project", "other")

    without = await applied(user, tmp_path, SAMPLE, *TOKEN)
    planned = await applied(user, tmp_path, SAMPLE, "--prune", "--dry-run", "server")
    pruned = await applied(user, tmp_path, SAMPLE, "--prune")

    assert "old" not in without.out
    assert planned.out.endswith("\nreceiver old would be deleted\n")
    assert pruned.out.endswith("\nreceiver old was deleted\n")
    assert await names(user) == ["lab", "tacker", "old"]
    assert (await shown(user, "old"))["project_id"] == "other"


async def test_nothing_is_changed_if_the_fleet_refuses_one_of_them(user: AsyncUser, tmp_path: Path) -> None:
    wrong = SAMPLE.replace("labels.site = lab\n  group_by", "status = UNKNOWN\n  group_by").replace(
        "https://tacker", "ftp://tacker"
    )
    refused = await applied(user, tmp_path, wrong, *TOKEN, code=1)

    first, *details = refused.err.splitlines()
    assert first == "error: receivers.yaml cannot be applied; nothing was changed"
    assert [line.strip().split(": ")[:2] for line in details] == [
        ["line 2", "receiver lab"],
        ["line 8", "receiver tacker"],
    ]
    assert "status cannot say who is told" in details[0]
    assert "receiver.tacker.url" in details[1]
    assert "t0ken" not in refused.err
    assert await names(user) == []


async def test_what_was_changed_before_a_failure_is_shown(
    user: AsyncUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_receivers, "MAX_RECEIVERS_OF_PROJECT", 1)

    ended = await applied(user, tmp_path, SAMPLE, *TOKEN, "-o", "json", code=1)

    assert [(one["outcome"], one["name"]) for one in ended.json] == [("CREATED", "lab")]
    assert "TOO_MANY_RECEIVERS" in ended.err


async def test_what_a_list_prints_can_be_applied(
    user: AsyncUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await applied(user, tmp_path, SAMPLE, *TOKEN)
    printed = (await user("receiver", "list", "-o", "yaml")).out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(printed.encode())))

    ended = await user("receiver", "apply", "-f", "-")

    assert (ended.code, ended.out) == (0, "receiver lab is unchanged\nreceiver tacker is unchanged\n")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("- {name: a, tacker: {url: x}}\n- {nmae: b}\n- 7", ["line 2: nmae: is no field", "line 3: must have fields"]),
        ("name: a\n---\nname: b\ntacker: {}\ngroup_wait: soon", ["line 1: must have one target", "group_wait must be"]),
        ("receivers:\n- name: a\n  tacker: {host: x}", ["line 2: receiver a: the receiver cannot be read", "host"]),
        ("receivers:\n- tacker: {}\n- name: 7", ["line 2: name: is required", "line 3: name: is required"]),
        (
            "- name: a\n  tacker: x\n- name: b\n  tacker: {}\n  email: {}",
            ["line 1: must have", "line 3: must have"],
        ),
        ("- name: a\n  tacker: [\n", ["line 3: cannot be read as YAML"]),
        ("- {name: a, tacker: {}, tacker: {}}", ["line 1: has a duplicate key"]),
        ("- {name: 2026-01-01, tacker: {url: 2026-01-01}, 5: x}", ["line 1: 5: is no field"]),
        ("- {name: a, tacker: {url: 2026-01-01}}", ["line 1: receiver a: the receiver cannot be read"]),
        ("- {name: a, alertmanager: {labels: {1: x}}}", ["line 1: receiver a: the receiver cannot be read"]),
        ("[]", ["has no receivers"]),
        ("", ["has no receivers"]),
    ],
)
def test_each_mistake_of_a_file_is_named_with_its_line(tmp_path: Path, text: str, parts: list[str]) -> None:
    (tmp_path / "receivers.yaml").write_text(text)

    with pytest.raises(Failure) as refused:
        read_receivers(tmp_path / "receivers.yaml", ())

    told = [str(refused.value), *refused.value.details]
    assert all(any(part in line for line in told) for part in parts), told


@pytest.mark.parametrize(
    ("secret", "part"),
    [
        ("bearer_token=token.txt", "must be RECEIVER.FIELD=FILE"),
        ("nobody.bearer_token=token.txt", "nobody is the name of 0 receivers"),
        ("tacker.bearer_token=nowhere.txt", "nowhere.txt cannot be read"),
    ],
)
async def test_a_secret_without_its_place_is_refused(user: AsyncUser, tmp_path: Path, secret: str, part: str) -> None:
    ended = await applied(user, tmp_path, SAMPLE, "--secret", secret, code=2)

    assert part in ended.err


def test_a_file_is_bounded(tmp_path: Path) -> None:
    many, long = tmp_path / "many.yaml", tmp_path / "long.yaml"
    many.write_text("- {name: a, tacker: {}}\n" * (MAX_RECEIVERS + 1))
    long.write_text(f"- name: {'a' * 2 * MAX_ENTRY_BYTES}\n")

    with pytest.raises(BadSetting, match="more than 1000 receivers"):
        read_receivers(many, ())
    with pytest.raises(Failure) as failed:
        read_receivers(long, ())
    assert f"line 1: holds more than {MAX_ENTRY_BYTES} characters" in failed.value.details[0]


async def test_the_receivers_of_a_folder_are_applied_together(user: AsyncUser, tmp_path: Path) -> None:
    folder = tmp_path / "receivers"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / f"{name}.yaml").write_text(f"name: {name}\ntacker: {{url: 'https://t.example'}}\n")

    ended = await user("receiver", "apply", "-f", "receivers")
    (folder / "c.yaml").write_text("- {name: a, tacker: {url: 'https://t.example'}}\n")
    twice = await user("receiver", "apply", "-f", "receivers")

    assert ended.out == "receiver a was created\nreceiver b was created\n"
    assert "c.yaml: line 1: receiver a: another one in a.yaml: line 1 has the same project and name" in twice.err


async def test_receivers_without_a_project_get_that_of_the_caller(store: SqlStore, tmp_path: Path) -> None:
    (tmp_path / "receivers.yaml").write_text("- {name: ops, tacker: {url: 'https://t.example'}}\n")
    (tmp_path / "twice.yaml").write_text("- {name: ops, tacker: {}}\n- {name: ops, project_id: a, tacker: {}}\n")

    async def plan(projects: str, file: str = "receivers.yaml", project: str | None = None) -> list[str]:
        async with client_as(address, ("spiffe://vimesh/cli/ann", "operator", projects)) as client:
            front = Front(address, client.channel, timeout_s=30.0)
            desired = read_receivers(tmp_path / file, ())
            planned = await ReceiverChanges(front, tmp_path / file, desired, project=project).plan(prune=False)
            return [one.receiver.project_id for one in planned]

    async with secured(store, tmp_path) as address:
        assert await plan("a") == ["a"]
        assert await plan("*") == [""]
        assert await plan("a,b", project="b") == ["b"]
        with pytest.raises(Failure) as several:
            await plan("a,b")
        with pytest.raises(Failure) as foreign:
            await plan("a", project="b")
        with pytest.raises(Failure) as twice:
            await plan("a", "twice.yaml")

    assert several.value.details == ["line 1: receiver ops: project_id is missing: set it, or --project"]
    assert "PERMISSION_DENIED" in foreign.value.details[0]
    assert twice.value.details == ["line 2: receiver ops: another one in line 1 has the same project and name"]
