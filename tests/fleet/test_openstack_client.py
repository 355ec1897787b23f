"""The real clients of Tacker against `vimesh up`, as their users type it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.callers.openstack import OpenStack
from tests.support.clouds.targets import fake_api
from tests.support.deployments.conductors import client_at
from tests.support.deployments.fleets import Fleet, starting_fleet
from tests.support.deployments.rest_doors import Door
from tests.support.timing.waiting import eventually, until
from vimesh.v1 import vim_pb2

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(120)]

FILE = """
auth_url: {auth_url}
username: nfv
password: s3cret
project_name: nfv
project_domain_name: Default
user_domain_name: Default
cert_verify: 'False'
"""

LIBRARY = """
import json, sys
from tackerclient.common import exceptions
from tackerclient.v1_0.client import Client

client = Client(auth_strategy="noauth", endpoint_url=sys.argv[1], token="any")
lab = {
    "name": "k8s",
    "type": "kubernetes",
    "auth_url": "http://127.0.0.1:1/",
    "vim_project": {"name": "default"},
    "auth_cred": {"bearer_token": "t", "ssl_ca_cert": "None"},
}
said = {}

def refused(name, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except exceptions.TackerClientException as error:
        said[name] = [type(error).__name__, error.status_code, str(error)]

vim_id = client.create_vim({"vim": lab})["vim"]["id"]
refused("twice", client.create_vim, {"vim": lab})
refused("bad", client.create_vim, {"vim": {**lab, "bogus": 1}})
refused("none", client.show_vim, "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3")
said["moved"] = client.update_vim(vim_id, {"vim": {"auth_url": "http://127.0.0.1:2/"}})["vim"]["auth_url"]
said["named"] = [vim["id"] == vim_id for vim in client.list_vims(name="k8s", fields=["id"])["vims"]]
for number in range(3):
    client.create_vim({"vim": {**lab, "name": f"more-{number}"}})
said["paged"] = [vim["name"] for vim in client.list_vims(type="kubernetes", limit=2)["vims"]]
client.delete_vim(vim_id)
said["left"] = len(client.list_vims(type="kubernetes")["vims"])
print(json.dumps(said))
"""


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncGenerator[Fleet]:
    async with starting_fleet(tmp_path) as fleet:
        yield fleet


@pytest.fixture
def openstack(tmp_path: Path, fleet: Fleet) -> OpenStack:
    return OpenStack(tmp_path, fleet.address)


async def test_the_openstack_command_finds_everything_as_in_tacker(openstack: OpenStack) -> None:
    async with fake_api() as cloud, client_at(openstack.address) as client:
        (openstack.folder / "vim.yaml").write_text(FILE.format(auth_url=cloud.url))
        register = ("vim", "register", "--config-file", "vim.yaml")
        made = await openstack(*register, "--description", "the lab", "--is-default", "lab", "-f", "json")
        shown = made.json
        assert (shown["name"], shown["status"], shown["project_id"]) == ("lab", "PENDING", "default")
        assert shown["auth_cred"]["password"] == "***"
        await client.until(shown["id"], lambda vim: vim.status == vim_pb2.Vim.REACHABLE, 20)

        admin = OpenStack(
            openstack.folder, f"{openstack.address}/", ("--os-auth-type", "admin_token", "--os-token", "t0ken")
        )
        again, listed, table, by_name, nobody, other = await asyncio.gather(
            openstack(*register, "lab"),
            admin("vim", "list", "-f", "json"),
            openstack("vim", "list", "--long"),
            openstack("vim", "show", "lab", "-f", "json"),
            openstack("vim", "delete", "nobody"),
            openstack(*register, "--tenant-id", "blue", "other", "-f", "json"),
        )
        assert again.code != 0
        assert "project default already has a VIM named lab" in again.err
        assert {row["Name"]: row["Status"] for row in listed.json}["lab"] == "REACHABLE"
        assert "| lab " in table.out
        assert by_name.json | {"status": "PENDING"} == shown
        assert "Unable to find vim with name 'nobody'" in nobody.err
        assert other.json["project_id"] == "blue"

        taken, changed = await asyncio.gather(
            openstack("vim", "set", "lab", "--name", "", "--description", "x"),
            openstack("vim", "set", "other", "--config-file", "vim.yaml", "--description", "new", "-f", "json"),
        )
        assert "Invalid input for name" in taken.err
        assert (changed.json["description"], changed.json["auth_cred"]["username"]) == ("new", "nfv")

        gone = await openstack("vim", "delete", "lab", other.json["id"])
        assert (gone.code, gone.out.strip()) == (0, "All specified vim(s) deleted successfully")


async def test_the_library_raises_what_it_raises_with_tacker_and_a_killed_process_is_replaced(
    fleet: Fleet, openstack: OpenStack
) -> None:
    ended = await openstack.script(LIBRARY)

    said = ended.json
    assert said.pop("twice")[1:] == [409, "project default already has a VIM named k8s"]
    assert said.pop("bad")[1:] == [400, "Unrecognized attribute(s) 'bogus'"]
    assert said.pop("none") == ["NotFound", 404, "no VIM has the id a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"]
    assert said == {
        "moved": "http://127.0.0.1:2/",
        "named": [True],
        "paged": ["k8s", "more-0", "more-1", "more-2"],
        "left": 3,
    }

    state = json.loads((openstack.folder / "data" / "fleet.json").read_text())
    assert {part["name"]: part["address"] for part in state["processes"]}["api"].startswith("unix:/")
    killed = fleet.kill("vimesh", "api")
    door = Door(fleet.address)
    await until(lambda: fleet.pids("vimesh", "api") not in ([killed], []), 10)
    await eventually(lambda: serves(door), 20)
    assert len(await door.vims()) == 3


async def serves(door: Door) -> bool:
    return (await door.send("GET", "vims")).status == 200
