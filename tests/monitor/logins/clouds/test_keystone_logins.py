"""Logins to a real Keystone behind nginx: each fault shows as the right condition, and so does its end."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, Generator

import pytest
import pytest_asyncio

from tests.support.clouds.keystone_cloud import KeystoneCloud, keystone_cloud
from tests.support.clouds.login_client import condition, log_in, login_client, words
from tests.support.identities.keystones import PASSWORD, Keystone, running_keystone
from vimesh.monitor.logins.clouds.login_attempt import LoginAttempts

pytestmark = pytest.mark.timeout(300)
WELL = {
    "LoggedIn": "TRUE",
    "Endpoint/compute": "TRUE",
    "Endpoint/identity": "TRUE",
    "Endpoint/network": "TRUE",
}
PROJECT = {"name": "blue", "project_domain_name": "Default"}


@pytest.fixture(scope="module")
def keystone(tmp_path_factory: pytest.TempPathFactory) -> Generator[Keystone]:
    with running_keystone(tmp_path_factory.mktemp("keystone"), lock_timeout_s=0.2) as keystone:
        keystone.add_user("ann", keystone.add_project("blue"), "member")
        keystone.add_user("bob", keystone.add_project("green"), "member")
        yield keystone


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_cloud(keystone: Keystone, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[KeystoneCloud]:
    async with keystone_cloud(keystone, tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: KeystoneCloud) -> Generator[KeystoneCloud]:
    yield running_cloud
    running_cloud.repair()


def credentials(cloud: KeystoneCloud, **fields: object) -> dict[str, object]:
    known = {"username": "ann", "password": PASSWORD, "user_domain_name": "Default", "ssl_ca_cert": cloud.ca}
    return known | fields


def attempts(login_s: float = 60.0, **options: object) -> LoginAttempts:
    # A token takes Keystone half a second of CPU, and on a busy machine much longer.
    return LoginAttempts(login_client(), login_s=login_s, **options)  # type: ignore[arg-type]  # by name


async def log_in_words(cloud: KeystoneCloud, **fields: object) -> dict[str, str]:
    return words(await log_in(cloud.url, credentials(cloud, **fields), PROJECT, attempts=attempts()))


async def test_a_login_shows_the_services(cloud: KeystoneCloud) -> None:
    outcome = await log_in(cloud.url, credentials(cloud), PROJECT, attempts=attempts())

    assert words(outcome) == WELL
    assert (outcome.is_accepted, outcome.is_refusal) == (True, False)
    assert outcome.service_types == ("compute", "identity", "network")
    for url in (cloud.url + "/", cloud.url.removesuffix("/v3"), cloud.url.replace("/v3", "/v2.0")):
        assert (await log_in(url, credentials(cloud), PROJECT, attempts=attempts())).is_accepted


async def test_every_way_to_log_in(cloud: KeystoneCloud) -> None:
    number, secret = cloud.keystone.add_application_credential("ann", "blue")
    ways: list[dict[str, object]] = [
        {"application_credential_id": number, "application_credential_secret": secret},
        {
            "auth_type": "v3applicationcredential",
            "application_credential_name": "vimesh-ann",
            "application_credential_secret": secret,
            "username": "ann",
            "user_domain_id": "default",
        },
        {"auth_type": "v3token", "token": cloud.keystone.token("ann")},
        {"user_id": cloud.keystone.id_of_user("ann"), "password": PASSWORD},
    ]
    for way in ways:
        auth_cred = {**way, "ssl_ca_cert": cloud.ca}
        assert words(await log_in(cloud.url, auth_cred, PROJECT, attempts=attempts())) == WELL, way


async def test_a_user_without_a_project_has_no_catalogue(cloud: KeystoneCloud) -> None:
    outcome = await log_in(cloud.url, credentials(cloud), {}, attempts=attempts(), known_types=("network",))

    assert words(outcome) == {
        "LoggedIn": "TRUE",
        "Endpoint/compute": "FALSE NOT_IN_CATALOG",
        "Endpoint/network": "FALSE NOT_IN_CATALOG",
    }


async def test_a_wrong_password_is_refused_until_it_is_right(cloud: KeystoneCloud) -> None:
    outcome = await log_in(
        cloud.url, credentials(cloud, password="kiwi"), PROJECT, attempts=attempts(), known_types=("compute",)
    )

    assert words(outcome) == {"LoggedIn": "FALSE UNAUTHORIZED", "Endpoint/compute": "UNKNOWN NO_CATALOG"}
    assert (outcome.is_accepted, outcome.is_refusal) == (False, True)
    assert await log_in_words(cloud) == WELL


async def test_a_disabled_user_is_refused_until_it_is_enabled(cloud: KeystoneCloud) -> None:
    user = cloud.keystone.id_of_user("ann")
    cloud.keystone.change_user(user, enabled=False)
    try:
        assert await log_in_words(cloud) == {"LoggedIn": "FALSE UNAUTHORIZED"}
    finally:
        cloud.keystone.change_user(user, enabled=True)
    assert await log_in_words(cloud) == WELL


async def test_a_user_of_another_project_is_refused(cloud: KeystoneCloud) -> None:
    assert await log_in_words(cloud, username="bob") == {"LoggedIn": "FALSE UNAUTHORIZED"}


async def test_a_keystone_without_its_database_cannot_make_tokens(cloud: KeystoneCloud) -> None:
    with cloud.keystone.without_database():
        outcome = await log_in(cloud.url, credentials(cloud), PROJECT, attempts=attempts())

    assert words(outcome) == {"LoggedIn": "FALSE HTTP_500"}
    assert not outcome.is_refusal
    assert await log_in_words(cloud) == WELL


async def test_a_balancer_without_a_keystone(cloud: KeystoneCloud) -> None:
    cloud.break_down("identity")
    assert await log_in_words(cloud) == {"LoggedIn": "FALSE HTTP_503"}

    cloud.repair()
    assert await log_in_words(cloud) == WELL


async def test_a_redirect_is_not_followed(cloud: KeystoneCloud) -> None:
    cloud.break_down("moved")

    assert await log_in_words(cloud) == {"LoggedIn": "FALSE HTTP_302"}


async def test_a_service_that_is_down_is_named(cloud: KeystoneCloud) -> None:
    cloud.break_down("compute")
    outcome = await log_in(cloud.url, credentials(cloud), PROJECT, attempts=attempts())

    assert words(outcome) == {**WELL, "Endpoint/compute": "FALSE HTTP_503"}
    assert "RegionOne" in condition(outcome, "Endpoint/compute").message
    cloud.repair()
    assert await log_in_words(cloud) == WELL


async def test_a_catalogue_without_compute(cloud: KeystoneCloud) -> None:
    cloud.keystone.remove_services("compute")
    try:
        assert (await log_in_words(cloud))["Endpoint/compute"] == "FALSE NOT_IN_CATALOG"
    finally:
        cloud.keystone.add_service("compute", cloud.url.replace("/v3", "/compute/v2"))
    assert await log_in_words(cloud) == WELL


async def test_the_regions_of_the_vim_count(cloud: KeystoneCloud) -> None:
    attempt = attempts()
    here = await log_in(cloud.url, credentials(cloud), PROJECT, attempts=attempt, regions=("RegionOne",))
    elsewhere = await log_in(cloud.url, credentials(cloud), PROJECT, attempts=attempt, regions=("RegionTwo",))

    assert words(here) == WELL
    assert words(elsewhere) == {"LoggedIn": "TRUE", "Endpoint/compute": "FALSE NOT_IN_CATALOG"}


async def test_nothing_is_sent_where_the_certificate_is_not_valid(cloud: KeystoneCloud) -> None:
    assert await log_in_words(cloud, ssl_ca_cert="None") == {"LoggedIn": "FALSE TLS"}
    cloud.show_certificate(valid_for=-dt.timedelta(hours=1))
    outcome = await log_in(cloud.url, credentials(cloud), PROJECT, attempts=attempts())

    assert words(outcome) == {"LoggedIn": "FALSE TLS"}
    assert "expired" in condition(outcome, "LoggedIn").message
    assert (await log_in_words(cloud, cert_verify="False"))["LoggedIn"] == "TRUE"
    cloud.repair()
    assert await log_in_words(cloud) == WELL


async def test_a_token_that_takes_too_long_tells_nothing(cloud: KeystoneCloud) -> None:
    outcome = await log_in(cloud.url, credentials(cloud), PROJECT, attempts=attempts(login_s=0.001))

    assert words(outcome) == {"LoggedIn": "UNKNOWN TIMEOUT"}


@pytest.mark.parametrize(("ahead", "way"), [(-3600, "ahead of"), (3600, "behind")])
async def test_clocks_that_differ_are_told(cloud: KeystoneCloud, ahead: int, way: str) -> None:
    now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=ahead)
    outcome = await log_in(cloud.url, credentials(cloud), PROJECT, attempts=attempts(now=lambda: now))

    assert words(outcome) == {**WELL, "LoggedIn": "TRUE CLOCK_SKEW"}
    assert way in condition(outcome, "LoggedIn").message
