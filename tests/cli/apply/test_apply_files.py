"""VIMs become what files say, by the command, at a real conductor."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.support.callers.commands import AsyncUser, Ended

LAB = """\
vims:
- name: lab
  description: the lab
  auth_url: http://192.0.2.1:5000/v3
  auth_cred: {username: nfv, password: {from_env: LAB_PASSWORD}}
  labels: {region: eu}
  probe_policy: {method: tcp, interval: 30s}
- name: edge
  type: kubernetes
  auth_url: https://192.0.2.2:6443
  auth_cred: {bearer_token: {from_file: token.txt}, ssl_ca_cert: None}
  labels: {region: us}
"""
LAB_VIM = "VIM lab of project default"


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_PASSWORD", "s3cret")
    (tmp_path / "token.txt").write_text("t0ken\n")


async def applied(user: AsyncUser, folder: Path, text: str, *flags: str, code: int = 0) -> Ended:
    (folder / "vims.yaml").write_text(text)
    ended = await user("apply", "-f", "vims.yaml", *flags)
    assert ended.code == code, ended.err
    return ended


async def shown(user: AsyncUser, name: str) -> dict[str, object]:
    fields: dict[str, object] = (await user("vim", "show", name, "-o", "json")).json
    return fields


async def names(user: AsyncUser) -> list[str]:
    return [one["name"] for one in (await user("vim", "list", "-o", "json")).json]


async def test_vims_become_what_the_file_says_and_are_left_alone_afterwards(user: AsyncUser, tmp_path: Path) -> None:
    planned = await applied(user, tmp_path, LAB, "--dry-run", "server")
    before = await names(user)
    first = await applied(user, tmp_path, LAB)
    lab = await shown(user, "lab")
    again = await applied(user, tmp_path, LAB)

    assert planned.out == (
        "VIM lab of project default would be registered\nVIM edge of project default would be registered\n"
    )
    assert (planned.err, before) == ("2 VIMs: 2 registered\ndry run: nothing was changed\n", [])
    assert first.out == "VIM lab of project default was registered\nVIM edge of project default was registered\n"
    assert (again.out, again.err) == ("", "2 VIMs: 2 unchanged\n")
    assert await shown(user, "lab") == lab
    assert lab["auth_cred"] == {"username": "nfv", "password": "***"}


async def test_a_diff_names_each_field_and_no_secret(
    user: AsyncUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await applied(user, tmp_path, LAB)
    none = await user("diff", "-f", "vims.yaml")
    monkeypatch.setenv("LAB_PASSWORD", "an0ther")
    changed = LAB.replace("region: eu", "site: a").replace("30s", "60s").replace("  description: the lab\n", "")
    (tmp_path / "vims.yaml").write_text(changed)
    differing = await user("diff", "-f", "vims.yaml")
    document = await user("diff", "-f", "vims.yaml", "-o", "json")

    assert (none.code, none.out) == (0, "")
    assert differing.code == document.code == 4
    assert differing.out.splitlines() == [
        f"{LAB_VIM} would be modified: description, auth_cred, probe_policy.interval, labels.region, labels.site",
        '    description: "the lab" -> ""',
        "    auth_cred: a secret differs",
        "    probe_policy.interval: 30s -> 60s",
        '    labels.region: "eu" -> (none)',
        '    labels.site: (none) -> "a"',
    ]
    lab, edge = document.json
    assert (lab["outcome"], edge["outcome"]) == ("MODIFIED", "UNCHANGED")
    assert lab["changes"][2] == {"field": "probe_policy.interval", "before": "30s", "after": "60s"}
    assert "an0ther" not in differing.out + document.out
    assert (await shown(user, "lab"))["description"] == "the lab"

    await user("apply", "-f", "vims.yaml")
    assert (await user("diff", "-f", "vims.yaml")).code == 0


async def test_changes_of_other_people_are_a_conflict_that_is_told(user: AsyncUser, tmp_path: Path) -> None:
    await applied(user, tmp_path, LAB)
    await user("vim", "set", "lab", "--description", "theirs")
    await user("vim", "label", "lab", "owner=ann")

    refused = await applied(user, tmp_path, LAB, code=1)
    changed = LAB.replace("region: us", "region: asia")
    still = await applied(user, tmp_path, changed, code=1)
    forced = await applied(user, tmp_path, changed, "--force-conflicts")

    assert "line 2: VIM lab: others have set description of VIM lab to other values" in refused.err
    assert "--force-conflicts" in refused.err
    assert (still.out, (await shown(user, "edge"))["labels"]) == ("", {"region": "asia"})
    assert '    description: "theirs" -> "the lab"' in forced.out
    assert (await shown(user, "lab"))["labels"] == {"region": "eu", "owner": "ann"}


async def test_pruning_removes_what_belongs_to_the_set_and_nothing_else(user: AsyncUser, tmp_path: Path) -> None:
    await user("vim", "register", "theirs", "--auth-url", "http://192.0.2.9/")
    await applied(user, tmp_path, "[{name: other, auth_url: 'http://192.0.2.8/'}]", "--apply-set", "b")
    await applied(user, tmp_path, LAB, "--apply-set", "a")
    only_lab = LAB.split("- name: edge", maxsplit=1)[0]

    unnamed = await applied(user, tmp_path, only_lab, "--prune", code=2)
    without = await applied(user, tmp_path, only_lab, "--apply-set", "a")
    elsewhere = await applied(user, tmp_path, only_lab, "--apply-set", "a", "--prune", "-l", "region=eu")
    planned = await applied(user, tmp_path, only_lab, "--apply-set", "a", "--prune", "--dry-run", "server")
    kept = await names(user)
    pruned = await applied(user, tmp_path, only_lab, "--apply-set", "a", "--prune")
    empty = await applied(user, tmp_path, "vims: []", "--apply-set", "a", "--prune", code=1)

    assert "--prune: needs --apply-set" in unnamed.err
    assert without.out == elsewhere.out == ""
    assert planned.out == "VIM edge of project default would be deregistered\n"
    assert kept == ["edge", "lab", "other", "theirs"]
    assert pruned.out == "VIM edge of project default was deregistered\n"
    assert "has no VIMs" in empty.err
    assert await names(user) == ["lab", "other", "theirs"]


async def test_a_vim_of_somebody_else_is_adopted_only_on_request(user: AsyncUser, tmp_path: Path) -> None:
    await user("vim", "register", "lab", "--auth-url", "http://192.0.2.1:5000/v3", "--label", "owner=ann")

    refused = await applied(user, tmp_path, LAB, code=1)
    adopted = await applied(user, tmp_path, LAB, "--adopt")

    assert "was not registered by an apply set" in refused.err
    assert "--adopt" in refused.err
    assert adopted.out.startswith("VIM lab of project default was modified: ")
    lab = await shown(user, "lab")
    assert (lab["labels"], lab["applied"]["apply_set"]) == ({"owner": "ann", "region": "eu"}, "default")  # type: ignore[index]


async def test_nothing_is_changed_if_one_of_them_is_wrong(user: AsyncUser, tmp_path: Path) -> None:
    in_file = await applied(user, tmp_path, LAB + "- {name: lab}\n- {nam: x}\n- 7\n", code=1)
    at_fleet = await applied(user, tmp_path, LAB.replace("https://192.0.2.2:6443", "ftp://x"), code=1)
    missing = await applied(user, tmp_path, LAB.replace("LAB_PASSWORD", "NO_SUCH").replace("token.txt", "none"), code=1)

    assert [line.strip().split(": ")[0] for line in in_file.err.splitlines()[1:]] == ["line 13", "line 14", "line 15"]
    assert "another one in line 2 has the same project and name" in in_file.err
    assert "did you mean name?" in in_file.err
    assert "line 8: VIM edge: vim.auth_url" in at_fleet.err
    assert "auth_cred.password: the environment variable NO_SUCH is not set" in missing.err
    assert "auth_cred.bearer_token: none cannot be read" in missing.err
    assert await names(user) == []


async def test_a_folder_and_standard_input_are_read_as_a_file_is(
    user: AsyncUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "vims"
    folder.mkdir()
    (folder / "b.yaml").write_text("name: b\nauth_url: http://192.0.2.1/\nlabels: {tier: '1'}\n")
    (folder / "a.json").write_text('[{"name": "a", "auth_url": "http://192.0.2.1/"}]')
    (folder / "c.csv").write_text("name,auth_url\nc,http://192.0.2.1/\n")
    (folder / "notes.txt").write_text("not read")
    (folder / ".hidden.yaml").write_text("not read")
    (folder / "more.yaml").mkdir()

    ended = await user("apply", "-f", "vims", "-l", "!tier")
    (folder / "d.yaml").write_text("- {name: d, auth_url: 'ftp://x'}\n- {name: a, auth_url: 'http://192.0.2.1/'}\n")
    wrong = await user("apply", "-f", "vims")
    piped = io.TextIOWrapper(io.BytesIO(b"[{name: e, auth_url: 'http://192.0.2.1/'}]"))
    monkeypatch.setattr(sys, "stdin", piped)
    read = await user("apply", "-f", "-", "-o", "json")

    assert [line.split()[1] for line in ended.out.splitlines()] == ["a", "c"]
    assert "d.yaml: line 2: VIM a: another one in a.json: line 1 has" in wrong.err
    assert [(one["name"], one["outcome"]) for one in read.json] == [("e", "REGISTERED")]
    (tmp_path / "empty").mkdir()
    assert "is a folder without files" in (await user("apply", "-f", "empty")).err


async def test_what_is_exported_can_be_applied(user: AsyncUser, tmp_path: Path) -> None:
    await applied(user, tmp_path, LAB)
    text = (await user("export")).out
    as_json = await user("export", "-o", "json", "-l", "region=us")
    (tmp_path / "exported.yaml").write_text(text)

    same = await user("apply", "-f", "exported.yaml")
    await user("vim", "deregister", "lab")
    gone = await user("apply", "-f", "exported.yaml")

    assert text == (
        "vims:\n"
        "- name: lab\n  project_id: default\n  description: the lab\n  type: openstack\n"
        "  auth_url: http://192.0.2.1:5000/v3\n  auth_cred:\n    password: '***'\n    username: nfv\n"
        "  labels:\n    region: eu\n  probe_policy:\n    method: tcp\n    interval: 30s\n"
        "- name: edge\n  project_id: default\n  type: kubernetes\n  auth_url: https://192.0.2.2:6443\n"
        "  auth_cred:\n    bearer_token: '***'\n    ssl_ca_cert: None\n  labels:\n    region: us\n"
    )
    assert [one["name"] for one in json.loads(as_json.out)["vims"]] == ["edge"]
    assert (same.code, same.err) == (0, "2 VIMs: 2 unchanged\n")
    assert "*** keeps a stored value, but none is stored" in gone.err
    assert (await user("export", "-l", "region=none")).out == "vims: []\n"
    assert json.loads((await user("export", "-l", "region=none", "-o", "json")).out) == {"vims": []}


async def test_an_id_in_a_file_has_to_be_that_of_the_vim_with_the_name(user: AsyncUser, tmp_path: Path) -> None:
    chosen = LAB.replace("- name: lab", "- name: lab\n  id: 7B3AC6AB-1C53-46B2-8C61-86BCB9B2F7A1")
    new = await applied(user, tmp_path, chosen, code=1)
    none = await names(user)
    await applied(user, tmp_path, LAB)
    lab = await shown(user, "lab")
    other = await applied(user, tmp_path, chosen, code=1)
    renamed = await applied(user, tmp_path, f"[{{id: {lab['id']}, name: new, auth_url: 'http://192.0.2.1/'}}]", code=1)
    bad = await applied(user, tmp_path, "[{id: first, name: lab, auth_url: 'http://192.0.2.1/'}]", code=1)
    (tmp_path / "lab.yaml").write_text((await user("vim", "show", "lab", "-o", "yaml")).out)
    same = await user("apply", "-f", "lab.yaml", "--dry-run", "server")

    assert "line 2: VIM lab: id: no VIM has this name, and apply gives new ones an id of their own" in new.err
    assert none == []
    assert f"line 2: VIM lab: id: the VIM with this name has the id {lab['id']}" in other.err
    assert "VIM new: id: no VIM has this name" in renamed.err
    assert "line 1: id must be a UUID" in bad.err
    assert await names(user) == ["edge", "lab"]
    assert (same.code, same.err.splitlines()[-1]) == (0, "dry run: nothing was changed")


async def test_apply_waits_for_a_status_if_it_is_told_to(user: AsyncUser, tmp_path: Path) -> None:
    pending = await applied(user, tmp_path, LAB, "--wait", "PENDING")
    late = await applied(user, tmp_path, LAB, "--wait", "REACHABLE", "--wait-timeout", "0.2s", code=4)

    assert pending.err == "2 VIMs: 2 registered\n"
    assert "2 of 2 VIMs are not REACHABLE after 200ms" in late.err
