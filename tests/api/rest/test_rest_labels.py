"""Clients of Tacker see and set labels in `extra`."""

from __future__ import annotations

import pytest

from tests.support.deployments.conductors import Client
from tests.support.deployments.rest_doors import LAB, Door, refusal


async def test_labels_are_in_extra(door: Door, client: Client) -> None:
    made = await door.register(extra={"rack": 7, "labels": {"region": "eu", "tier": "1", "gone": None}})
    stored = await client.get(made["id"])
    assert made["extra"] == {"rack": 7, "labels": {"region": "eu", "tier": "1"}}
    assert (dict(stored.labels), list(stored.extra.fields)) == ({"region": "eu", "tier": "1"}, ["rack"])

    changed = await door.change(made["id"], extra={"labels": {"region": "us", "tier": None, "owner": "nfv"}})
    assert changed["extra"] == {"rack": 7, "labels": {"region": "us", "owner": "nfv"}}
    assert (await door.change(made["id"], extra={"rack": 8}))["extra"]["labels"] == {"region": "us", "owner": "nfv"}
    assert (await door.change(made["id"], extra=changed["extra"]))["extra"] == changed["extra"]
    none = await door.change(made["id"], extra={"labels": {"region": None, "owner": None}})
    assert none["extra"] == {"rack": 7}


@pytest.mark.parametrize("other", [["a"], "text", {"a": 1}, {"a": {"b": "c"}}])
async def test_what_else_is_named_so_stays_in_extra(door: Door, client: Client, other: object) -> None:
    made = await door.register(extra={"labels": other})

    assert made["extra"] == {"labels": other}
    assert (await client.get(made["id"])).labels == {}


async def test_wrong_labels_are_refused(door: Door) -> None:
    for labels in ({"a b": ""}, {"a": "b c"}, {f"k{number}": "" for number in range(65)}):
        answer = await door.send("POST", "vims", {"vim": {**LAB, "extra": {"labels": labels}}})
        assert answer.status == 400
        assert "labels" in refusal(answer)[2]
