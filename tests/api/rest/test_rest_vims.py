"""Tacker's VIMs over HTTP, with a real conductor behind: one VIM at a time."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.support.deployments.conductors import Client
from tests.support.deployments.rest_doors import LAB, Door, door_to, refusal
from vimesh.api.rest.rest_app import RestSettings
from vimesh.v1.vim_pb2 import Vim

STRANGER = "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


async def test_a_vim_is_registered_as_tacker_shows_it(door: Door) -> None:
    vim = await door.register(description="d")

    assert TIME.fullmatch(vim.pop("created_at"))
    assert re.fullmatch("[0-9a-f-]{36}", vim.pop("id"))
    assert vim == {
        "type": "openstack",
        "tenant_id": "default",
        "name": "lab",
        "description": "d",
        "placement_attr": {"regions": []},
        "is_default": False,
        "updated_at": None,
        "status": "PENDING",
        "extra": {},
        "auth_url": "http://127.0.0.1:5000/v3",
        "vim_project": {"name": "nfv", "project_domain_name": "Default"},
        "auth_cred": {
            "auth_url": "http://127.0.0.1:5000/v3",
            "cert_verify": "True",
            "key_type": "fernet_key",
            "password": "***",
            "project_domain_name": "Default",
            "project_id": None,
            "project_name": "nfv",
            "user_domain_name": "Default",
            "username": "nfv",
        },
    }


async def test_what_is_registered_is_read_changed_and_removed_on_both_kinds_of_paths(
    door: Door, client: Client
) -> None:
    made = await door.register()
    vim_id = made["id"]

    for path in (f"vims/{vim_id}", f"vims/{vim_id.upper()}.json"):
        answer = await door.send("GET", path)
        assert (answer.status, answer.json()) == (200, {"vim": made})
    cut = await door.send("GET", f"vims/{vim_id}?fields=id&fields=name")
    assert cut.json() == {"vim": {"id": vim_id, "name": "lab"}}

    await client.report(await client.get(vim_id), Vim.REACHABLE)
    changed = await door.change(vim_id, description="new", is_default="True")
    assert TIME.fullmatch(changed["updated_at"])
    assert (
        made
        | {key: changed[key] for key in ("updated_at", "status")}
        | {
            "description": "new",
            "is_default": True,
        }
        == changed
    )
    assert changed["status"] == "REACHABLE"

    gone = await door.send("DELETE", f"vims/{vim_id}.json")
    assert (gone.status, gone.body) == (204, b"")
    for method in ("GET", "DELETE"):
        assert refusal(await door.send(method, f"vims/{vim_id}")) == (
            404,
            "VimNotFoundException",
            f"no VIM has the id {vim_id}",
        )


async def test_a_kubernetes_vim_and_a_project_of_ones_own(door: Door) -> None:
    vim = await door.register(
        type="kubernetes",
        tenant_id="blue",
        vim_project={"name": "default"},
        auth_cred={"bearer_token": "t0ken", "ssl_ca_cert": "None"},
        extra={"a": [1, 2.5, None, {"b": True}]},
    )

    assert (vim["type"], vim["tenant_id"]) == ("kubernetes", "blue")
    assert vim["extra"] == {"a": [1, 2.5, None, {"b": True}]}
    assert vim["auth_cred"] == {
        "auth_url": LAB["auth_url"],
        "bearer_token": "***",
        "key_type": "fernet_key",
        "ssl_ca_cert": "None",
    }
    assert (await door.register(project_id="red"))["tenant_id"] == "red"


async def test_a_process_registers_for_the_project_that_it_acts_for_and_sees_all(client: Client) -> None:
    other = await client.register(project_id="other")
    async with door_to(client.address, RestSettings(project="blue")) as door:
        assert (await door.register())["tenant_id"] == "blue"
        assert (await door.register(tenant_id="red"))["tenant_id"] == "red"
        assert {vim["tenant_id"] for vim in await door.vims()} == {"other", "blue", "red"}
        await door.change(other.id, description="by an administrator")


async def test_a_new_auth_url_moves_the_vim_to_a_new_action(door: Door, client: Client) -> None:
    vim_id = (await door.register())["id"]
    before = await client.get(vim_id)

    changed = await door.change(vim_id, auth_url="http://127.0.0.1:6000/v3")

    assert changed["auth_url"] == changed["auth_cred"]["auth_url"] == "http://127.0.0.1:6000/v3"
    assert (await client.get(vim_id)).monitor.action_id != before.monitor.action_id


async def test_nested_attributes_keep_what_a_change_does_not_name(door: Door, client: Client) -> None:
    vim_id = (await door.register(extra={"rack": {"row": 1, "place": 2}}))["id"]

    changed = await door.change(
        vim_id, extra={"rack": {"place": 3}}, vim_project={"name": "other"}, auth_cred={"username": "new"}
    )

    assert changed["extra"] == {"rack": {"row": 1, "place": 3}}
    assert changed["vim_project"] == {"name": "other", "project_domain_name": "Default"}
    assert (changed["auth_cred"]["username"], changed["auth_cred"]["password"]) == ("new", "***")

    # What was read can be sent back as a whole.
    etag = (await client.get(vim_id)).etag
    await door.change(vim_id, auth_cred=changed["auth_cred"])
    assert (await client.get(vim_id)).etag == etag


async def test_secrets_of_other_attributes_are_masked_and_kept(door: Door, client: Client) -> None:
    vim = await door.register(extra={"apiKey": "hunter2", "note": "n"}, auth_url="http://h/v3?token=hunter2")
    assert (vim["extra"], vim["auth_url"]) == ({"apiKey": "***", "note": "n"}, "http://h/v3?token=***")

    etag = (await client.get(vim["id"])).etag
    await door.change(vim["id"], extra=vim["extra"])
    assert (await client.get(vim["id"])).etag == etag
    assert (await door.change(vim["id"], extra={"note": "o"}))["extra"] == {"apiKey": "***", "note": "o"}
    assert "hunter2" not in str(await door.vims())


async def test_another_way_to_log_in_takes_the_place_of_the_one_before(door: Door) -> None:
    vim_id = (await door.register(auth_cred={"bearer_token": "t", "ssl_ca_cert": "None"}))["id"]

    ways = (
        ({"username": "u", "password": "p"}, {"username", "password"}),
        (
            {"oidc_token_url": "http://h/t", "username": "u", "password": "p", "client_id": "c", "client_secret": "s"},
            {"oidc_token_url", "username", "password", "client_id", "client_secret"},
        ),
        ({"bearer_token": "t"}, {"bearer_token"}),
    )
    for given, kept in ways:
        shown = (await door.change(vim_id, auth_cred=given))["auth_cred"]
        assert {key for key in shown if not key.startswith(("project_", "auth_url", "key_type"))} == {
            *kept,
            "ssl_ca_cert",
        }


async def test_changes_at_once_all_last(door: Door) -> None:
    vim_id = (await door.register())["id"]

    await asyncio.gather(*(door.change(vim_id, extra={str(number): number}) for number in range(8)))

    assert (await door.vims())[0]["extra"] == {str(number): number for number in range(8)}


async def test_of_many_registrations_at_once_one_becomes_the_default(door: Door) -> None:
    bodies = [{"vim": LAB | {"name": f"vim-{number}", "is_default": True}} for number in range(8)]

    answers = await asyncio.gather(*(door.send("POST", "vims", body) for body in bodies))

    assert sorted(answer.status for answer in answers) == [201] + [409] * 7
    assert {refusal(answer)[1] for answer in answers if answer.status == 409} == {"VimDefaultDuplicateException"}
    assert len(await door.vims("is_default=True")) == 1


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"bogus": 1}, "Unrecognized attribute(s) 'bogus'"),
        ({"status": "REACHABLE"}, "Attribute 'status' not allowed in POST"),
        ({"id": STRANGER}, "Attribute 'id' not allowed in POST"),
        ({"placement_attr": {}}, "Attribute 'placement_attr' not allowed in POST"),
        ({"name": 7}, "Invalid input for name. Reason: '7' is not a valid string."),
        ({"name": None}, "Invalid input for name. Reason: 'None' is not a valid string."),
        ({"name": "x" * 256}, "Invalid input for name. Reason: it exceeds the maximum length of 255."),
        ({"is_default": "perhaps"}, "Invalid input for is_default. Reason: 'perhaps' cannot be converted to boolean."),
        ({"auth_cred": {}}, "Invalid input for auth_cred. Reason: it must be an object that is not empty."),
        ({"auth_cred": {"key_type": "x"}}, "Invalid input for auth_cred. Reason: it contains no credentials."),
        ({"is_default": "x" * 200}, f"Invalid input for is_default. Reason: '{'x' * 100}' cannot be converted"),
        ({"vim_project": "nfv"}, "Invalid input for vim_project. Reason: it must be an object that is not empty."),
        ({"extra": [1]}, "Invalid input for extra. Reason: it must be an object."),
        (
            {"auth_cred": {"username": "u", "cert_verify": "no"}},
            "Invalid input for auth_cred.cert_verify. Reason: it must be 'True' or 'False', not 'no'.",
        ),
        ({"auth_url": "nonsense"}, "Invalid input for auth_url. Reason: "),
        ({"type": "vmware"}, "Invalid input for type. Reason: "),
        ({"tenant_id": "a", "project_id": "b"}, "'tenant_id' and 'project_id' do not match"),
    ],
)
async def test_what_cannot_be_registered_is_named(door: Door, attributes: dict[str, object], said: str) -> None:
    status, type_, message = refusal(await door.send("POST", "vims.json", {"vim": LAB | attributes}))

    assert (status, type_) == (400, "HTTPBadRequest")
    assert message.startswith(said)
    assert await door.vims() == []


@pytest.mark.parametrize("missing", ["type", "auth_url", "auth_cred", "vim_project", "name"])
async def test_what_is_required_is_missed(door: Door, missing: str) -> None:
    body = {"vim": {key: value for key, value in LAB.items() if key != missing}}

    said = f"Failed to parse request. Required attribute '{missing}' not specified"
    assert refusal(await door.send("POST", "vims", body)) == (400, "HTTPBadRequest", said)


async def test_what_cannot_be_changed_is_named_and_an_empty_change_changes_nothing(door: Door) -> None:
    made = await door.register()
    path = f"vims/{made['id']}.json"

    for name, value in {"type": "kubernetes", "id": STRANGER, "status": "PENDING", "tenant_id": "x"}.items():
        said = f"Cannot update read-only attribute {name}"
        assert refusal(await door.send("PUT", path, {"vim": {name: value}})) == (400, "HTTPBadRequest", said)
    assert refusal(await door.send("PUT", path, {"vim": {"name": ""}}))[0] == 400
    assert await door.change(made["id"]) == made
    await door.register(name="taken", is_default=True)
    assert refusal(await door.send("PUT", path, {"vim": {"name": "taken"}}))[:2] == (409, "DuplicateEntity")
    assert refusal(await door.send("PUT", path, {"vim": {"is_default": True}}))[:2] == (
        409,
        "VimDefaultDuplicateException",
    )
    stranger = await door.send("PUT", f"vims/{STRANGER}", {"vim": {"extra": {"a": 1}}})
    assert refusal(stranger)[:2] == (404, "VimNotFoundException")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "the request body is not JSON: Expecting value"),
        (b'{"vim": ', 400, "the request body is not JSON: Expecting value"),
        (b"\xff", 400, "the request body is not JSON: 'utf-8' codec can't decode byte 0xff in position 0"),
        (b'{"vim": {"name": "\\ud800"}}', 400, "the request body contains half of a surrogate pair"),
        (b'{"vim": {"extra": {"a": NaN}}}', 400, "the request body holds NaN, which is not a number"),
        (b'{"vim": {"name": "a", "name": "b"}}', 400, "the request body holds the name 'name' twice in one object"),
        (b'{"vim": {"a": 1' + b"0" * 100_000 + b"}}", 400, "the request body holds a number with too many digits"),
        (b"[" * 100_000, 400, "the request body is nested too deeply"),
        (b"[]", 400, "the request body must be a JSON object"),
        (b"{}", 400, "Unable to find 'vim' in request body"),
        (b'{"vims": []}', 400, "Bulk operation not supported"),
        (b'{"vim": "' + b"x" * 524_288, 413, "the request body is longer than 524288 bytes"),
    ],
    ids=range(12),
)
async def test_a_body_that_is_none_is_refused(door: Door, body: bytes, status: int, said: str) -> None:
    answer = await door.send("POST", "vims", body)

    assert (answer.status, refusal(answer)[2][: len(said)]) == (status, said)


async def test_paths_and_methods_that_are_not_there_say_so(door: Door) -> None:
    assert refusal(await door.send("GET", "vnfs.json")) == (404, "HTTPNotFound", "no such path")
    assert refusal(await door.send("GET", "vims/"))[0] == 404
    assert refusal(await door.send("GET", "vims/lab"))[:2] == (404, "VimNotFoundException")
    patched = await door.send("PATCH", "vims")
    assert refusal(patched)[:2] == (405, "HTTPMethodNotAllowed")
    assert patched.headers["allow"] == "GET, HEAD, POST"
    head = await door.send("HEAD", "vims")
    assert (head.status, head.body, head.headers["content-type"]) == (200, b"", "application/json")
    assert "server" not in head.headers
