"""Keystone itself says which tokens are valid, and for whom they stand."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.identities.keystones import PASSWORD, Keystone, running_keystone
from tests.support.timing.waiting import until
from vimesh.api.keystone import keystone_client
from vimesh.api.keystone.keystone_client import KeystoneClient
from vimesh.api.keystone.service_file import read_service_file
from vimesh.api.keystone.token_cache import LONGEST_S
from vimesh.api.keystone.token_checks import TokenChecks
from vimesh.api.keystone.token_claims import KeystoneUnavailable
from vimesh.runtime.daemon_threads import DaemonThreads

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def keystone(tmp_path_factory: pytest.TempPathFactory) -> Generator[Keystone]:
    with running_keystone(tmp_path_factory.mktemp("keystone")) as keystone:
        yield keystone


@pytest.fixture(scope="module")
def blue(keystone: Keystone) -> str:
    return keystone.add_project("blue")


@pytest.fixture(scope="module")
def ann(keystone: Keystone, blue: str) -> str:
    return keystone.add_user("ann", blue, "member")


@pytest.fixture
def client(keystone: Keystone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeystoneClient:
    # Each call takes Keystone half a second of CPU, and on a busy machine much longer.
    monkeypatch.setattr(keystone_client, "CALL_S", 60.0)
    return KeystoneClient(read_service_file(keystone.write_service_file(tmp_path / "tacker.conf")))


def test_a_token_stands_for_its_user_and_project(
    client: KeystoneClient, keystone: Keystone, blue: str, ann: str
) -> None:
    claims = client.ask(keystone.token("ann", "blue"))

    assert claims is not None
    assert (claims.user_id, claims.project_id, claims.user_domain_id) == (ann, blue, "default")
    assert "member" in claims.roles
    assert 3500 < claims.expires_at - time.time() <= 3600


@pytest.mark.usefixtures("ann")
def test_a_token_without_a_project_has_none(client: KeystoneClient, keystone: Keystone) -> None:
    claims = client.ask(keystone.token("ann"))

    assert claims is not None
    assert (claims.project_id, claims.roles) == ("", ())


@pytest.mark.usefixtures("ann")
def test_a_forged_token_is_not_valid(client: KeystoneClient, keystone: Keystone) -> None:
    token = keystone.token("ann", "blue")
    altered = token[:-6] + ("A" * 6 if token[-6:] != "A" * 6 else "B" * 6)

    assert client.ask(altered) is None
    assert client.ask("no-token-at-all") is None
    assert client.ask(token) is not None


@pytest.mark.usefixtures("ann")
async def test_a_revoked_token_is_of_no_use_within_a_minute(client: KeystoneClient, keystone: Keystone) -> None:
    token, now = keystone.token("ann", "blue"), 0.0
    with DaemonThreads(1, "keystone") as threads:
        checks = TokenChecks(client.ask, threads, lambda: now)
        assert await checks.check(token) is not None
        keystone.revoke(token)
        now += LONGEST_S
        assert await checks.check(token) is None
        assert LONGEST_S == 60


@pytest.mark.usefixtures("ann")
async def test_an_expired_token_is_not_valid(client: KeystoneClient, keystone: Keystone) -> None:
    with running_keystone(keystone.folder, expiration_s=2) as brief:
        token = brief.token("ann", "blue")
    claims = client.ask(token)
    if claims is not None:  # unless the machine is slower than that
        await until(lambda: time.time() > claims.expires_at, 10)

    assert client.ask(token) is None


def test_a_service_user_with_a_wrong_password_is_not_a_bad_token(keystone: Keystone, tmp_path: Path) -> None:
    file = keystone.write_service_file(tmp_path / "tacker.conf")
    file.write_text(file.read_text().replace(PASSWORD, "another"))

    with pytest.raises(KeystoneUnavailable, match="refuses the service user"):
        KeystoneClient(read_service_file(file)).ask(keystone.token("admin", "admin"))


def test_the_login_of_the_service_user_is_renewed(client: KeystoneClient, keystone: Keystone) -> None:
    token = keystone.token("admin", "admin")
    assert client.ask(token) is not None
    keystone.revoke(client._file.auth.get_token(client._session()))

    assert client.ask(token) is not None


def test_a_keystone_that_is_down_is_unavailable(keystone: Keystone, tmp_path: Path) -> None:
    file = keystone.write_service_file(tmp_path / "tacker.conf")
    file.write_text(file.read_text().replace(f"auth_url = {keystone.url}", "auth_url = http://127.0.0.1:1/v3"))

    with pytest.raises(KeystoneUnavailable, match="cannot be asked") as caught:
        KeystoneClient(read_service_file(file)).ask("token")
    assert PASSWORD not in str(caught.value)
