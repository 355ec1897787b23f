"""The modules for Ansible: run in the Python that Ansible has, and played by ansible-core, against a conductor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.field_mask_pb2 import FieldMask

from tests.docs.shell_blocks import ROOT, blocks
from tests.installations.ansible_playbooks import (
    COLLECTION,
    MODULES,
    Controller,
    ModuleRunner,
    controller_with_collection,
)
from tests.supply.locks import PROJECT
from tests.support.deployments.conductors import Client, conductor_at
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]

LAB: dict[str, Any] = {
    "name": "lab",
    "type": "openstack",
    "auth_url": "http://192.0.2.1:5000/v3",
    "auth_cred": {"username": "nfv", "password": "s3cret"},
    "labels": {"region": "eu", "rack": 5},
    "probe_policy": {"interval": "30s", "fall": 2},
}
EDGE = {"name": "edge", "type": "kubernetes", "auth_url": "https://192.0.2.2:6443"}
Results = list[dict[str, Any]]
Player = Callable[..., Coroutine[Any, Any, Results]]


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Controller:
    return controller_with_collection(tmp_path_factory.mktemp("ansible"))


@pytest.fixture(scope="module")
def runner(controller: Controller) -> Generator[ModuleRunner]:
    with closing(ModuleRunner(controller)) as runner:
        yield runner


@pytest.fixture
async def conductor(tmp_path: Path) -> AsyncGenerator[Client]:
    async with conductor_at(tmp_path / "vimesh.sqlite") as conductor:
        yield conductor


@pytest.fixture
def run(runner: ModuleRunner, conductor: Client) -> Player:
    """Run tasks, each of which is a module and its options; none of them may fail."""

    async def run(*tasks: tuple[str, dict[str, Any]], check: bool = False, ignore_errors: bool = False) -> Results:
        results = await asyncio.to_thread(
            runner.run, tasks, conductor.address, check=check, ignore_errors=ignore_errors
        )
        assert len(results) == len(tasks), results[-1]["msg"]
        if not ignore_errors:
            assert not [one["msg"] for one in results if one.get("failed")]
        return results

    return run


async def vims_of(conductor: Client) -> dict[str, Vim]:
    return {vim.name: vim for vim in (await conductor.vims.ListVims(pb.ListVimsRequest())).vims}


async def test_a_vim_is_registered_once_changed_by_field_and_deregistered(run: Player, conductor: Client) -> None:
    [checked] = await run(("vim", LAB), check=True)
    none = await vims_of(conductor)
    changed = {**LAB, "labels": {"region": "us"}, "probe_policy": {"interval": "1m"}}
    gone = {"name": "lab", "state": "absent"}

    results = await run(("vim", LAB), ("vim", LAB), ("vim", changed), ("vim", gone), ("vim", gone))

    assert (checked["outcome"], checked["changed"]) == ("REGISTERED", True)
    assert not none
    assert [(one["outcome"], one["changed"]) for one in results] == [
        ("REGISTERED", True),
        ("UNCHANGED", False),
        ("MODIFIED", True),
        ("DEREGISTERED", True),
        ("UNCHANGED", False),
    ]
    registered, again, modified, *_ = results
    assert registered["vim"]["labels"] == {"region": "eu", "rack": "5"}
    assert registered["vim"]["probe_policy"]["interval"] == "30s"
    assert registered["vim_id"] == again["vim_id"] == registered["vim"]["id"]
    assert {one["field"]: (one["before"], one["after"]) for one in modified["changes"]} == {
        "labels.rack": ('"5"', ""),
        "labels.region": ('"eu"', '"us"'),
        "probe_policy.fall": ("2", "3"),
        "probe_policy.interval": ("30s", "60s"),
    }
    assert not await vims_of(conductor)


async def test_check_mode_shows_the_difference_by_field_and_changes_nothing(run: Player, conductor: Client) -> None:
    await run(("vim", LAB))
    before = await vims_of(conductor)
    other = {**LAB, "labels": {"region": "us", "rack": 5}, "auth_cred": {"username": "nfv", "password": "n3w"}}

    modified, gone = await run(("vim", other), ("vim", {"name": "lab", "state": "absent"}), check=True)

    assert modified["diff"]["before"] == {"auth_cred": modified["diff"]["before"]["auth_cred"], "labels.region": "eu"}
    assert modified["diff"]["after"] == {"auth_cred": "*** (another one)", "labels.region": "us"}
    assert (modified["outcome"], gone["outcome"], gone["diff"]["after"]) == ("MODIFIED", "DEREGISTERED", {})
    assert await vims_of(conductor) == before


async def test_secrets_are_shown_nowhere_and_what_is_none_stays_readable(
    controller: Controller, conductor: Client
) -> None:
    """What ansible-playbook itself prints, with all that it can print."""
    vim = {
        **LAB,
        "auth_url": "http://somebody:p4ss-in-url@192.0.2.1:5000/v3",
        "auth_cred": {"username": "lab", "password": "s3cret", "pin": 918273},
        "extra": {"apiKey": "k3y-in-extra", "site": "eu-1", "tokens": ["t0ken-in-list"]},
    }
    changed = {**vim, "labels": {"region": "us", "rack": 5}}
    tasks: list[dict[str, object]] = [
        {"vimesh.core.vim": vim},
        {"vimesh.core.vims": {"vims": [changed], "apply_set": "ansible"}, "check_mode": True, "diff": True},
        {"vimesh.core.vim": {**vim, "labels": {"not a label!": "x"}}, "ignore_errors": True},
        {"vimesh.core.vim_info": {}, "environment": {"PYTHONPATH": str(_blocked(controller.folder))}},
    ]
    secrets = ("s3cret", "918273", "p4ss-in-url", "k3y-in-extra", "t0ken-in-list")

    played = await asyncio.to_thread(controller.play, tasks, VIMESH_ADDRESS=conductor.address)

    assert [secret for secret in secrets if secret in played.text] == []
    registered, modified, refused, without_client = played.results
    assert registered["vim"]["auth_cred"]["username"] == registered["vim"]["name"] == "lab"
    assert registered["invocation"]["module_args"]["extra"]["site"] == "eu-1"
    assert modified["counts"] == {"MODIFIED": 1}
    assert '-    "labels.region": "eu"\n' in played.text
    assert "labels.not a label! cannot be applied" in refused["msg"]
    assert (await vims_of(conductor))["lab"].auth_url == "http://192.0.2.1:5000/v3"
    assert "Failed to import the required Python library (vimesh)" in without_client["msg"]
    assert played.code == 2


def _blocked(folder: Path) -> Path:
    """Return a folder whose vimesh cannot be imported, as if there were none."""
    package = folder / "blocked/vimesh"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('no vimesh here')\n")
    return package.parent


async def test_what_the_fleet_refuses_says_why_and_what_to_do(run: Player, conductor: Client) -> None:
    by_hand = Vim(name="by-hand", type="openstack", auth_url="http://192.0.2.3/v3")
    await conductor.vims.RegisterVim(pb.RegisterVimRequest(vim=by_hand))
    await run(("vim", LAB))
    lab = (await vims_of(conductor))["lab"]
    by_others = FieldMask(paths=["labels.region"])
    await conductor.vims.ModifyVim(
        pb.ModifyVimRequest(vim=Vim(id=lab.id, labels={"region": "ap"}), update_mask=by_others)
    )
    stranger = {"name": "by-hand", "labels": {"region": "eu"}}

    results = await run(
        ("vim", stranger),
        ("vim", {**stranger, "adopt": True}),
        ("vim", LAB),
        ("vim", {**LAB, "force_conflicts": True}),
        ("vim", {"name": "new"}),
        ("vims", {"vims": [EDGE, {"name": "new"}]}),
        ("vim_info", {"filter": "status ="}),
        ignore_errors=True,
    )

    foreign, adopted, conflict, forced, incomplete, one_of_two, no_filter = results
    assert foreign["reason"] == "NOT_IN_APPLY_SET"
    assert foreign["msg"] == (
        "VIM by-hand was not registered by an apply set; adopt it, or leave it out (NOT_IN_APPLY_SET). "
        "Hint: set adopt: true to take it into the apply_set, or name the apply_set that it belongs to"
    )
    assert conflict["reason"] == "APPLY_CONFLICT"
    assert conflict["msg"].startswith("others have set labels.region of VIM lab to other values")
    assert "force_conflicts: true" in conflict["hint"]
    assert [one["outcome"] for one in (adopted, forced)] == ["MODIFIED", "MODIFIED"]
    assert (
        incomplete["msg"]
        == one_of_two["msg"]
        == (
            "VIM new: type: is required for a VIM that does not exist; "
            "auth_url: is required for a VIM that does not exist (BAD_INPUT)"
        )
    )
    assert no_filter["msg"].startswith("filter: ")
    assert set(await vims_of(conductor)) == {"lab", "by-hand"}, "nothing is changed if one of the VIMs is refused"


async def test_options_that_cannot_be_used_are_named(run: Player, conductor: Client) -> None:
    def policy(**parts: object) -> tuple[str, dict[str, Any]]:
        return "vim", {**LAB, "probe_policy": parts}

    cases = {
        "VIM lab: probe_policy.interval must be a duration such as 500ms, 10s or 2m, not 'soon'": policy(
            interval="soon"
        ),
        "VIM lab: probe_policy.rise must be from 1 to 10, not 0": policy(rise=0),
        "VIM lab: labels.region must be a text": ("vim", {**LAB, "labels": {"region": [1]}}),
        "value of type must be one of: openstack, kubernetes": ("vim", {**LAB, "type": "vmware"}),
        "Unsupported parameters": ("vim", {**LAB, "no_such_option": 1}),
        "wait_for cannot be used with state: absent": (
            "vim",
            {"name": "lab", "state": "absent", "wait_for": "REACHABLE"},
        ),
        "vims has no VIM": ("vims", {"vims": []}),
        "2 of the vims are VIM lab of project default": ("vims", {"vims": [LAB, LAB]}),
        "prune is True but all of the following are missing: apply_set": ("vims", {"vims": [LAB], "prune": True}),
        "address: must be host:port, not a URL": ("vim_info", {"address": "http://127.0.0.1:7600"}),
        "has no profile nobody": ("vim_info", {"profile": "nobody"}),
        "/nowhere: holds none of tls.crt": ("vim_info", {"credentials": "/nowhere"}),
        "127.0.0.1:1 does not answer: ": ("vim_info", {"address": "127.0.0.1:1"}),
    }

    results = await run(*cases.values(), ignore_errors=True)

    assert [one["msg"] for text, one in zip(cases, results, strict=True) if text not in one["msg"]] == []
    assert "Hint: check address" in results[-1]["msg"]
    assert not await vims_of(conductor)


async def test_a_list_of_vims_is_pruned_to_what_it_has_and_no_further(run: Player, conductor: Client) -> None:
    ops = {"apply_set": "ops", "prune": True}

    first = await run(
        ("vim", {**LAB, "name": "foreign"}),
        ("vims", {**ops, "vims": [LAB, EDGE]}),
        ("vims", {**ops, "vims": [LAB, EDGE]}),
    )
    [checked] = await run(("vims", {**ops, "vims": [EDGE]}), check=True)
    kept = set(await vims_of(conductor))
    [pruned] = await run(("vims", {**ops, "vims": [EDGE]}))

    assert [one.get("counts") for one in first] == [None, {"REGISTERED": 2}, {"UNCHANGED": 2}]
    assert [one["changed"] for one in first] == [True, True, False]
    assert kept == {"lab", "edge", "foreign"}
    assert checked["counts"] == pruned["counts"] == {"UNCHANGED": 1, "DEREGISTERED": 1}
    assert checked["diff"][0]["before"]["name"] == "lab"
    assert set(await vims_of(conductor)) == {"edge", "foreign"}


async def test_more_vims_than_fit_into_one_call(run: Player) -> None:
    vims = [{**LAB, "name": f"vim-{number}"} for number in range(600)]

    results = await run(("vims", {"vims": vims}), ("vims", {"vims": vims}))

    assert [one["counts"] for one in results] == [{"REGISTERED": 600}, {"UNCHANGED": 600}]


async def test_vims_are_read_by_name_and_by_filter(run: Player) -> None:
    _, *results = await run(
        ("vims", {"vims": [LAB, EDGE]}),
        ("vim_info", {"name": "lab"}),
        ("vim_info", {"name": "nobody"}),
        ("vim_info", {"filter": "labels.region = eu"}),
        ("vim_info", {"order_by": "name", "limit": 1}),
    )

    assert [[vim["name"] for vim in one["vims"]] for one in results] == [["lab"], [], ["lab"], ["edge"]]
    assert results[0]["vims"][0]["auth_cred"] == {"username": "nfv", "password": "***"}


async def test_a_status_is_waited_for_as_long_as_the_task_says(run: Player, conductor: Client) -> None:
    waiting = {"apply_set": "ansible", "wait_for": "REACHABLE", "wait_timeout": 0.1}

    pending, late, later = await run(
        ("vim", {**LAB, "wait_for": "PENDING"}),
        ("vims", {**waiting, "vims": [LAB, EDGE]}),
        ("vim", {**LAB, **waiting}),
        ignore_errors=True,
    )

    assert (pending["vim"]["status"], pending["changed"]) == ("PENDING", True)
    assert (late["reason"], late["changed"]) == ("WAIT_EXPIRED", True)
    assert late["msg"].startswith("VIM lab is not REACHABLE after 0.1 s: it is PENDING")
    assert late["counts"] == {"UNCHANGED": 1, "REGISTERED": 1}
    assert (later["outcome"], later["changed"]) == ("UNCHANGED", False)
    assert set(await vims_of(conductor)) == {"lab", "edge"}


_PAGE = ROOT / "docs/using/ansible.md"
_SAID = ("type", "required", "default", "choices", "elements")


def _said(options: Mapping[str, Any], inner: str) -> dict[str, Any]:
    """Return what is said of options and of those in them, which are below `inner`."""
    return {
        name: {key: one[key] for key in _SAID if one.get(key) not in (None, False)}
        | ({"inner": _said(one[inner], inner)} if inner in one else {})
        for name, one in options.items()
    }


def test_each_option_is_documented_as_it_is_and_examples_have_no_others(
    controller: Controller, runner: ModuleRunner
) -> None:
    described = controller.run("ansible-doc", "--json", *(f"vimesh.core.{module}" for module in MODULES))
    assert described.code == 0, described.text
    documents = json.loads(described.text)
    pages = ["\n".join(block.lines) for block in blocks(_PAGE) if block.language == "yaml"]
    playbook = (ROOT / "samples/vims-playbook.yaml").read_text()
    contents = [yaml.safe_load(text) for text in (*pages, playbook, *(one["examples"] for one in documents.values()))]

    for module in MODULES:
        name = f"vimesh.core.{module}"
        options = documents[name]["doc"]["options"]
        tasks = [task for content in contents for task in _tasks_with(name, content)]
        assert _said(options, "suboptions") == _said(runner.options[module], "options")
        assert documents[name]["return"]
        assert tasks
        assert {key for task in tasks for key in task} <= options.keys()
        inner = {key for task in tasks for vim in task.get("vims", ()) for key in vim}
        assert inner <= options.get("vims", {}).get("suboptions", {}).keys()


def _tasks_with(module: str, content: object) -> list[dict[str, Any]]:
    """Return the options of each task of a module in a playbook, or in a list of tasks."""
    if isinstance(content, list):
        return [options for one in content for options in _tasks_with(module, one)]
    if not isinstance(content, dict):
        return []
    return [content[module]] if module in content else _tasks_with(module, content.get("tasks"))


def test_the_collection_has_the_version_of_vimesh() -> None:
    described = yaml.safe_load((COLLECTION / "galaxy.yml").read_text())

    assert described["version"] == PROJECT["project"]["version"]
