"""Bodies have to say that they are JSON: anything else, any page may have a browser send without being asked."""

from __future__ import annotations

import json

from tests.support.callers.caller import ask
from tests.support.deployments.rest_doors import LAB, Door, refusal

OTHERS = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "application/jsonp")
PATHS = (("POST", "vims"), ("PUT", "vims/37018d1c-8a8e-4f22-ba4a-c0dd9b117a4e"))


async def test_a_body_of_another_kind_is_not_read(door: Door) -> None:
    for method, path in PATHS:
        for other in OTHERS:
            headers = {"content-type": other} if other else {}
            answer = await ask(door.address, method, f"/v1.0/{path}", json.dumps({"vim": LAB}).encode(), headers)
            said = (415, "HTTPUnsupportedMediaType", "the content-type must be application/json")
            assert refusal(answer) == said, other

    assert await door.vims() == []


async def test_json_is_taken_with_parameters_too(door: Door) -> None:
    headers = {"content-type": "Application/JSON; charset=UTF-8"}
    answer = await ask(door.address, "POST", "/v1.0/vims", json.dumps({"vim": LAB}), headers)

    assert answer.status == 201
