"""Logging in at Keystone as the OS_* variables say."""

from __future__ import annotations

import json

import pytest

from tests.engine.scripted_http import Answer, http_server, json_answer
from tests.engine.world import action, stop_of
from vimesh.engine.engine_errors import EngineRefused, EngineUnavailable
from vimesh.engine.mistral_access import MistralAccess, uses_keystone
from vimesh.engine.mistral_engine import mistral_engine
from vimesh.engine.workflow_engine import Stopped

VERSIONS = '{{"version": {{"id": "v3.14", "status": "stable", "links": [{{"rel": "self", "href": "{url}/v3/"}}]}}}}'


def token(mistral: str, service: str) -> str:
    catalog = [
        {
            "type": service,
            "id": "1",
            "name": "mistral",
            "endpoints": [{"id": "1", "interface": "public", "region": "r", "region_id": "r", "url": mistral}],
        }
    ]
    user = {"id": "u", "name": "vimesh", "domain": {"id": "default", "name": "Default"}}
    times = {"expires_at": "2999-01-01T00:00:00.000000Z", "issued_at": "2020-01-01T00:00:00.000000Z"}
    return json.dumps({"token": {"methods": ["password"], "user": user, "catalog": catalog, "roles": [], **times}})


class Cloud:
    """Keystone and Mistral at one address."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[str] = []
        self.password = "secret"
        self.service = "workflowv2"
        """The type under which the catalog lists Mistral."""

    def answer(self, line: str, body: str) -> Answer:
        self.asked.append(line)
        if "/auth/tokens" in line:
            if json.loads(body)["auth"]["identity"]["password"]["user"]["password"] != self.password:
                return json_answer(401, '{"error": {"message": "wrong password", "code": 401}}')
            return json_answer(201, token(f"{self.url}/workflow/v2", self.service), "X-Subject-Token: let-me-in")
        if "/workflow/v2/executions" in line:
            return json_answer(200, '{"executions": []}')
        if "/workflow/v2/workflows" in line:
            return json_answer(404, '{"faultstring": "Workflow not found"}')
        return json_answer(200, VERSIONS.format(url=self.url))


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in {
        "OS_USERNAME": "vimesh",
        "OS_PASSWORD": "secret",
        "OS_PROJECT_NAME": "nfv",
        "OS_USER_DOMAIN_ID": "default",
        "OS_PROJECT_DOMAIN_ID": "default",
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


async def test_mistral_is_found_in_the_catalog(logged_in: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    async with http_server(cloud.answer) as url:
        cloud.url = url
        logged_in.setenv("OS_AUTH_URL", f"{url}/v3")
        async with mistral_engine(MistralAccess(keystone=True, concurrency=1)) as engine:
            assert await engine.stop(stop_of(action())) == Stopped()
            assert await engine.stop(stop_of(action())) == Stopped()

    assert len([line for line in cloud.asked if "/auth/tokens" in line]) == 1


async def test_a_catalog_without_mistral_is_unavailable_until_it_has_one(logged_in: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    cloud.service = "baremetal"
    async with http_server(cloud.answer) as url:
        cloud.url = url
        logged_in.setenv("OS_AUTH_URL", f"{url}/v3")
        async with mistral_engine(MistralAccess(keystone=True, concurrency=1)) as engine:
            with pytest.raises(EngineUnavailable, match="no service of type workflowv2; add it there, or give --mist"):
                await engine.stop(stop_of(action()))

            cloud.service = "workflowv2"
            assert await engine.stop(stop_of(action())) == Stopped()


async def test_a_wrong_password_is_a_refusal_that_does_not_tell_it(logged_in: pytest.MonkeyPatch) -> None:
    cloud = Cloud()
    cloud.password = "another"
    async with http_server(cloud.answer) as url:
        cloud.url = url
        logged_in.setenv("OS_AUTH_URL", f"{url}/v3")
        async with mistral_engine(MistralAccess(keystone=True)) as engine:
            with pytest.raises(EngineRefused, match="401") as caught:
                await engine.stop(stop_of(action()))

    assert "secret" not in str(caught.value)


async def test_a_keystone_that_is_down_is_unavailable(logged_in: pytest.MonkeyPatch) -> None:
    logged_in.setenv("OS_AUTH_URL", "http://127.0.0.1:1/v3")
    async with mistral_engine(MistralAccess(keystone=True)) as engine:
        with pytest.raises(EngineUnavailable):
            await engine.stop(stop_of(action()))


def test_keystone_is_used_when_its_url_is_given() -> None:
    assert uses_keystone({"OS_AUTH_URL": "http://keystone/v3"})
    assert not uses_keystone({"OS_USERNAME": "somebody"})
