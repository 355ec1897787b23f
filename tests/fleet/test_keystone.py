"""Tenants of a real Keystone use Tacker's REST of a secured fleet with the unmodified `openstack` command."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.callers.openstack import KeystoneUser
from tests.support.callers.running import Fleet, fleet
from tests.support.deployments.rest_doors import LAB
from tests.support.identities.callers import HttpAnswer, ask_tls
from tests.support.identities.keystones import PASSWORD, Keystone, running_keystone

pytestmark = [pytest.mark.fleet, pytest.mark.timeout(300)]

FILE = """
auth_url: http://127.0.0.1:1/v3
username: nfv
password: s3cret
project_name: nfv
project_domain_name: Default
user_domain_name: Default
cert_verify: 'False'
"""


@dataclass(frozen=True)
class Site:
    keystone: Keystone
    fleet: Fleet
    folder: Path
    ids: Mapping[str, str]
    """Of users and projects, by name."""

    @property
    def administrator(self) -> Path:
        """The folder with the certificate of the fleet's own user."""
        return self.fleet.data_dir / "certs" / "cli" / "admin.local"

    def user(self, name: str, project: str) -> KeystoneUser:
        flags = {
            "auth-url": self.keystone.url,
            "username": name,
            "password": PASSWORD,
            "project-name": project,
            "user-domain-name": "Default",
            "project-domain-name": "Default",
            "cacert": str(self.administrator / "ca.crt"),
        }
        return KeystoneUser(self.folder, tuple(word for key, value in flags.items() for word in (f"--os-{key}", value)))

    async def ask(
        self, method: str, path: str, body: object = None, *, with_certificate: bool = False, **headers: str
    ) -> HttpAnswer:
        """Send a request by HTTPS, with headers whose names have hyphens for underscores."""
        context = ssl.create_default_context(cafile=self.administrator / "ca.crt")
        if with_certificate:
            context.load_cert_chain(self.administrator / "tls.crt", self.administrator / "tls.key")
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        text = None if body is None else json.dumps(body)
        sent |= {"content-type": "application/json"} if text else {}
        return await ask_tls(self.fleet.address, (method, f"/v1.0/{path}"), context, sent, text)

    def audit(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.fleet.data_dir / "audit.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    folder = tmp_path_factory.mktemp("keystone")
    (folder / "vim.yaml").write_text(FILE)
    with running_keystone(folder) as keystone:
        ids = {project: keystone.add_project(project) for project in ("blue", "green")}
        ids |= {
            name: keystone.add_user(name, ids[project], role)
            for name, project, role in (
                ("ann", "blue", "member"),
                ("gus", "green", "member"),
                ("ray", "blue", "reader"),
                ("root", "green", "admin"),
            )
        }
        (folder / "rules.yaml").write_text(
            '"member": "role:member"\n"create_vim": "rule:member and rule:admin_or_owner"\n'
        )
        more = "[oslo_policy]\npolicy_file = rules.yaml\n"
        file = keystone.write_service_file(folder / "tacker.conf", more)
        with fleet(
            folder, "--secured", "--conductors", "1", "--keystone-file", str(file), "--log-level", "debug"
        ) as up:
            keystone.add_service("nfv-orchestration", f"https://{up.address}")
            yield Site(keystone, up, folder, ids)


def refusal(answer: HttpAnswer) -> tuple[int, str]:
    return answer.status, json.loads(answer.body)["TackerError"]["type"]


async def test_tenants_have_vims_of_their_own(site: Site) -> None:
    ann, gus, root = site.user("ann", "blue"), site.user("gus", "green"), site.user("root", "green")
    register = ("vim", "register", "--config-file", "vim.yaml", "-f", "json")
    mine, other = await asyncio.gather(ann(*register, "--is-default", "lab"), gus(*register, "--is-default", "lab"))
    assert (mine.json["project_id"], other.json["project_id"]) == (site.ids["blue"], site.ids["green"])

    of_ann, of_gus = await asyncio.gather(ann("vim", "list", "-f", "json"), gus("vim", "list", "-f", "json"))
    of_all, stolen = await asyncio.gather(root("vim", "list", "-f", "json"), gus("vim", "delete", mine.json["id"]))
    elsewhere = await ann(*register, "--tenant-id", site.ids["green"], "foreign")
    assert [row["ID"] for row in of_ann.json] == [mine.json["id"]]
    assert [row["ID"] for row in of_gus.json] == [other.json["id"]]
    assert sorted(row["ID"] for row in of_all.json) == sorted([mine.json["id"], other.json["id"]])
    assert f"Unable to find vim with name '{mine.json['id']}'" in stolen.err
    assert elsewhere.code != 0
    assert "Policy doesn't allow create_vim to be performed." in elsewhere.err

    changed, gone = await asyncio.gather(
        ann("vim", "set", "lab", "--description", "the lab", "-f", "json"), root("vim", "delete", other.json["id"])
    )
    assert changed.json["description"] == "the lab"
    assert gone.code == 0, gone.err
    assert (await gus("vim", "list", "-f", "json")).json == []
    assert (await ann("vim", "delete", "lab")).code == 0

    done = [
        (line["identity"], line["method"].rpartition("/")[2], line["outcome"])
        for line in site.audit()
        if line["by_api"] == "spiffe://vimesh/api/local"
    ]
    uri = site.keystone.url
    assert (f"{uri}#{site.ids['ann']}", "RegisterVim", "OK") in done
    assert (f"{uri}#{site.ids['gus']}", "RegisterVim", "OK") in done
    assert (f"{uri}#{site.ids['root']}", "DeregisterVim", "OK") in done
    assert (f"{uri}#{site.ids['ann']}", "DeregisterVim", "OK") in done


async def test_a_policy_file_decides_who_may_register(site: Site) -> None:
    token = site.keystone.token("ray", "blue")

    listed = await site.ask("GET", "vims.json", x_auth_token=token)
    denied = await site.ask("POST", "vims.json", {"vim": LAB}, x_auth_token=token)

    assert listed.status == 200
    assert refusal(denied) == (403, "PolicyNotAuthorized")


async def test_what_is_no_valid_token_is_refused_as_keystonemiddleware_refuses_it(site: Site) -> None:
    token = site.keystone.token("ann", "blue")
    revoked = site.keystone.token("ann", "blue")
    site.keystone.revoke(revoked)
    of_no_project = site.keystone.token("ann")

    answers = {
        "none": await site.ask("GET", "vims.json"),
        "forged": await site.ask("GET", "vims.json", x_auth_token=token[:-8] + "AAAAAAA"),
        "revoked": await site.ask("GET", "vims.json", x_auth_token=revoked),
        "with a certificate": await site.ask("GET", "vims.json", with_certificate=True, x_auth_token="forged"),
        "forged headers": await site.ask(
            "GET", "vims.json", x_vimesh_identity="spiffe://vimesh/cli/admin", x_vimesh_roles="admin"
        ),
    }

    challenge = f'Keystone uri="{site.keystone.url}"'
    for name, answer in answers.items():
        assert refusal(answer) == (401, "HTTPUnauthorized"), name
        assert answer.headers["www-authenticate"] == challenge, name
    assert refusal(await site.ask("GET", "vims.json", x_auth_token=of_no_project)) == (403, "PolicyNotAuthorized")
    assert (await site.ask("GET", "vims.json", x_auth_token=token)).status == 200


async def test_a_certificate_still_opens_tackers_rest(site: Site) -> None:
    answer = await site.ask("GET", "vims.json", with_certificate=True)

    assert answer.status == 200


async def test_tokens_of_keystone_open_nothing_else(site: Site) -> None:
    token = site.keystone.token("root", "green")
    context = ssl.create_default_context(cafile=site.administrator / "ca.crt")
    headers = {"x-auth-token": token, "vimesh-for-identity": "x#y", "vimesh-for-roles": "operator"}

    answer = await ask_tls(site.fleet.address, ("GET", "/v1/vims"), context, headers)

    assert answer.status == 401


async def test_no_token_is_in_a_log(site: Site) -> None:
    token = site.keystone.token("ann", "blue")
    assert (await site.ask("GET", "vims.json", x_auth_token=token)).status == 200
    assert (await site.ask("GET", "vims.json", x_auth_token=f"{token}x")).status == 401

    unread = site.fleet._queue
    said = [*site.fleet.lines, *(str(unread.get()) for _ in range(unread.qsize()))]
    written = "\n".join(said) + "\n".join(
        path.read_text(errors="replace")
        for path in site.fleet.data_dir.rglob("*")
        if path.is_file() and path.suffix in {".log", ".json", ""}
    )
    assert token not in written
    assert PASSWORD not in written
