"""JSON through a real Envoy to a real conductor: curl is a first-class client."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.callers.caller import Answer, ask
from tests.support.deployments.conductors import conductor_at
from tests.support.deployments.envoys import RunningEnvoy, running_envoy

LAB = {"name": "lab", "type": "openstack", "auth_url": "http://127.0.0.1:5000/v3", "extra": {"rack": [1, "b"]}}
STRANGER = "a76cd7ce-64bc-4d1f-9c77-61f1f8d5e9d3"


@pytest.fixture
async def front(tmp_path: Path) -> AsyncGenerator[RunningEnvoy]:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client, running_envoy([client.address]) as envoy:
        await envoy.until_healthy([client.address])
        yield envoy


async def send(front: RunningEnvoy, method: str, path: str, body: object = None) -> Answer:
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return await ask(front.address, method, path, text, {"content-type": "application/json"} if text else None)


def violations(answer: Answer) -> list[str]:
    details = answer.json()["details"]
    assert isinstance(details, list)
    return [v["field"] for detail in details for v in detail.get("field_violations", [])]


async def test_a_vim_is_registered_read_changed_listed_and_deregistered(front: RunningEnvoy) -> None:
    made = (await send(front, "POST", "/v1/vims", {"vim": LAB})).json()["vim"]
    assert isinstance(made, dict)
    path = f"/v1/vims/{made['id']}"
    assert (made["status"], made["extra"]) == ("PENDING", {"rack": [1, "b"]})
    assert (await send(front, "GET", path)).json()["vim"] == made

    changed = (await send(front, "PATCH", path, {"vim": {"description": "d"}, "update_mask": "description"})).json()[
        "vim"
    ]
    assert isinstance(changed, dict)
    assert (changed["description"], changed["name"]) == ("d", "lab")

    listed = (await send(front, "GET", "/v1/vims?filter=name=lab&order_by=name")).json()
    assert listed == {"vims": [changed], "next_page_token": ""}
    events = (await send(front, "GET", f"{path}/events")).json()["events"]
    assert isinstance(events, list)
    assert [event["kind"] for event in events] == ["MODIFIED", "REGISTERED"]

    assert (await send(front, "DELETE", path)).json() == {}
    assert (await send(front, "GET", path)).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/v1/vims", {"vim": LAB | {"auth_ulr": "http://a"}}, "request"),
        ("POST", "/v1/vims", {"vim": LAB, "force": True}, "request"),
        ("POST", "/v1/vims", {"vim": LAB | {"name": 7}}, "request"),
        ("POST", "/v1/vims", {"vim": LAB | {"probe_policy": {"method": "SMOKE"}}}, "request"),
        ("POST", "/v1/vims", {"vim": LAB | {"probe_policy": {"ttl": 1}}}, "request"),
        ("POST", "/v1/vims", '{"vim": {"name": ', "request"),
        ("POST", "/v1/vims", '{"vim": {"extra": ' + '{"a": ' * 20_000, "request"),
        (
            "POST",
            "/v1/vims",
            json.dumps({"vim": LAB | {"extra": {"a": "0"}}}).replace('"0"', "[" * 17 + "]" * 17),
            "vim.extra",
        ),
        ("POST", "/v1/vims", "[]", "request"),
        ("POST", "/v1/vims", "{}", "vim.name"),
        ("POST", "/v1/vims", {"vim": LAB | {"name": "a\nb"}}, "vim.name"),
        ("POST", "/v1/vims", {"vim": LAB | {"auth_url": "nope"}}, "vim.auth_url"),
        ("POST", "/v1/vims", {"vim": LAB | {"description": "d" * 500_000}}, "vim.description"),
        ("PATCH", f"/v1/vims/{STRANGER}", {"vim": {"colour": "red"}}, "request"),
        ("PATCH", f"/v1/vims/{STRANGER}", {"vim": {"id": "other"}}, "vim.id"),
        ("PATCH", f"/v1/vims/{STRANGER}", {"vim": {}, "update_mask": "status"}, "update_mask"),
        ("PATCH", "/v1/vims/lab", {"vim": {}}, "vim_id"),
        ("PATCH", f"/v1/receivers/{STRANGER}", {}, "receiver"),
        ("GET", "/v1/vims/lab", None, "vim_id"),
        ("GET", "/v1/vims?page_token=abc", None, "page_token"),
    ],
)
async def test_bad_json_is_refused_with_the_field_and_changes_nothing(
    front: RunningEnvoy, method: str, path: str, body: object, field: str
) -> None:
    answer = await send(front, method, path, body)

    assert (answer.status, answer.json()["code"]) == (400, 3)
    assert field in violations(answer)
    assert (await send(front, "GET", "/v1/vims")).json()["vims"] == []


async def test_a_vim_is_patched_by_its_id_in_upper_case(front: RunningEnvoy) -> None:
    made = (await send(front, "POST", "/v1/vims", {"vim": LAB})).json()["vim"]
    assert isinstance(made, dict)
    vim_id = str(made["id"])
    change = {
        "vim": {"id": vim_id, "probe_policy": {"interval": "20s", "fall": 5}},
        "update_mask": "probePolicy.interval",
    }

    answer = await send(front, "PATCH", f"/v1/vims/{vim_id.upper()}", change)

    changed = answer.json()["vim"]
    assert isinstance(changed, dict)
    assert changed["probe_policy"] == made["probe_policy"] | {"interval": "20s"}


async def test_conflicts_and_strangers_have_their_http_codes(front: RunningEnvoy) -> None:
    made = (await send(front, "POST", "/v1/vims", {"vim": LAB})).json()["vim"]
    assert isinstance(made, dict)
    path = f"/v1/vims/{made['id']}"

    assert (await send(front, "POST", "/v1/vims", {"vim": LAB})).status == 409
    assert (await send(front, "PATCH", path, {"vim": {"name": "b"}, "etag": "old"})).status == 409
    assert (await send(front, "GET", f"/v1/vims/{STRANGER}")).status == 404
    assert (await send(front, "DELETE", f"/v1/vims/{STRANGER}")).status == 404
