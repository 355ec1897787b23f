"""What users do with the labels of VIMs, with a real fleet."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from tests.support.callers.commands import Command

pytestmark = pytest.mark.fleet

NOWHERE = ("--auth-url", "http://127.0.0.1:9/v3")


@pytest.fixture
def name() -> str:
    return f"vim-{uuid.uuid4().hex[:8]}"


def test_labels_are_registered_shown_changed_and_removed(user: Command, name: str) -> None:
    assert user("vim", "register", name, *NOWHERE, "-l", "region=eu", "--label", "example.com/owner=nfv").code == 0

    refused = user("vim", "label", name, "region=us", "tier=1")
    assert (refused.code, "region=eu" in refused.err, "--overwrite" in refused.err) == (1, True, True)
    same = user("vim", "label", name, "region=eu", "tier=1", "absent-", "-o", "json")
    assert same.json["labels"] == {"region": "eu", "example.com/owner": "nfv", "tier": "1"}
    changed = user("vim", "label", name, "region=us", "example.com/owner-", "--overwrite", "-o", "json")
    assert changed.json["labels"] == {"region": "us", "tier": "1"}
    assert user("vim", "label", name, "a b=1").code == 2

    shown = [line.split() for line in user("vim", "show", name).out.splitlines()]
    assert ["labels.region", "us"] in shown
    row = next(line for line in user("vim", "list", "--show-labels").out.splitlines() if name in line)
    assert row.endswith("region=us,tier=1")


@pytest.mark.parametrize(
    ("ending", "write"),
    [
        (".json", lambda name: json.dumps([{"name": name, "auth_url": NOWHERE[1], "labels": {"a.b/c": "1"}}])),
        (".yaml", lambda name: f"name: {name}\nauth_url: {NOWHERE[1]}\nlabels: {{a.b/c: '1'}}\n"),
        (".csv", lambda name: f"name,auth_url,labels.a.b/c\n{name},{NOWHERE[1]},1\n"),
    ],
)
def test_files_of_vims_have_labels(user: Command, name: str, tmp_path: Path, ending: str, write: object) -> None:
    file = tmp_path / f"vims{ending}"
    file.write_text(write(name))  # type: ignore[operator]  # one of the functions above

    done = user("vim", "import", str(file))

    assert done.code == 0, done.err
    assert user("vim", "show", name, "-o", "json").json["labels"] == {"a.b/c": "1"}


def test_a_file_of_tacker_has_labels_in_its_extra(user: Command, name: str, tmp_path: Path) -> None:
    file = tmp_path / "tacker.yaml"
    content = "auth_url: http://127.0.0.1:9/v3\nusername: u\npassword: p\nproject_name: nfv\n"
    file.write_text(f"{content}extra: {{rack: 7, labels: {{region: eu}}}}\n")

    made = user("vim", "register", name, "--config-file", str(file), "-l", "tier=1", "-o", "json").json

    assert (made["labels"], made["extra"]) == ({"region": "eu", "tier": "1"}, {"rack": 7})


def test_many_are_labelled_listed_and_deregistered_by_a_selector(user: Command, name: str) -> None:
    owner = ("-l", f"owner={name}")
    for number, region in enumerate(("eu", "eu", "us")):
        assert user("vim", "register", f"{name}-{number}", *NOWHERE, *owner, "-l", f"region={region}").code == 0

    def listed(selector: str) -> list[str]:
        return [vim["name"] for vim in user("vim", "list", "-l", f"owner={name},{selector}", "-o", "json").json]

    assert listed("region=eu") == [f"{name}-0", f"{name}-1"]
    assert listed("region in (eu, us),!tier") == [f"{name}-{number}" for number in range(3)]
    refused = user("vim", "label", *owner, "region=us", "tier=1")
    assert (refused.code, listed("tier")) == (1, [])
    assert f"{name}-0 has region=eu" in refused.err
    checked = user("vim", "label", *owner, "tier=1", "--dry-run", "server")
    assert checked.out.count("would label") == 3
    assert (listed("tier"), "nothing was changed" in checked.err) == ([], True)
    done = user("vim", "label", "--filter", f'name = "{name}-*"', "region=us", "tier=1", "--overwrite")
    assert (done.code, done.out.count("labelled")) == (0, 3)
    assert listed("region=us,tier=1") == [f"{name}-{number}" for number in range(3)]

    assert user("vim", "deregister", *owner, "--dry-run=server", "-o", "json").json[0]["name"] == f"{name}-0"
    gone = user("vim", "deregister", *owner)
    assert (gone.code, gone.out.count("deregistered")) == (0, 3)
    nothing = user("vim", "deregister", *owner)
    assert (nothing.code, nothing.out) == (3, "")


def test_a_dry_run_changes_nothing_and_fails_as_the_change_would(user: Command, name: str) -> None:
    dry = "--dry-run=server"
    register = ("vim", "register", name, *NOWHERE)
    assert user(*register, dry, "-o", "json").json["name"] == name
    assert user("vim", "show", name).code == 3
    assert user(*register, dry, "--wait", "REACHABLE").code == 2
    assert user(*register, "--dry-run=client").code == 2

    assert user(*register).code == 0
    taken, again = user(*register, dry), user(*register)
    assert (taken.code, taken.err) == (again.code, again.err)
    changed = user("vim", "set", name, "--description", "d", dry, "-o", "json")
    assert (changed.json["description"], "nothing was changed" in changed.err) == ("d", True)
    assert user("vim", "label", name, "a=b", dry, "-o", "json").json["labels"] == {"a": "b"}
    assert user("vim", "deregister", name, dry).out.startswith("would deregister")
    shown = user("vim", "show", name, "-o", "json").json
    assert (shown["description"], shown["labels"]) == ("", {})


def test_vims_to_deregister_are_named_or_selected(user: Command, name: str) -> None:
    for arguments in ((), (name, "-l", "region=eu")):
        assert user("vim", "deregister", *arguments).code == 2
