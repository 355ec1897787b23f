from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from tests.support.clouds.certificates import self_signed
from tests.support.clouds.targets import Behaviour, fake_api
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.probes.tls.tls_trust import verifying_context

VERIFYING = quick_policy(tls_verify=True, timeout_s=1, interval_s=2)
LENIENT = quick_policy(timeout_s=1, interval_s=2)


async def test_an_api_with_a_certificate_of_its_own_is_reachable(
    host: ActionHost, verdicts: Verdicts, tmp_path: Path
) -> None:
    async with fake_api(tls=self_signed(tmp_path)) as api:
        host.start(action(api.url, LENIENT))

        assert (await verdicts.next_of("vim")).status is Status.REACHABLE


async def test_a_certificate_that_must_be_valid_and_is_not_is_a_tls_failure(
    host: ActionHost, verdicts: Verdicts, tmp_path: Path
) -> None:
    async with fake_api(tls=self_signed(tmp_path)) as api:
        host.start(action(api.url, VERIFYING))

        verdict = await verdicts.next_of("vim")

    assert (verdict.status, verdict.reason) == (Status.UNREACHABLE, Reason.TLS)
    assert "self-signed certificate" in verdict.detail


async def test_an_expired_certificate_is_called_by_its_name(
    host: ActionHost, verdicts: Verdicts, tmp_path: Path
) -> None:
    async with fake_api(tls=self_signed(tmp_path, valid_for=-dt.timedelta(days=1))) as api:
        host.start(action(api.url, VERIFYING, vim_id="verifying"))
        host.start(action(api.url, LENIENT, vim_id="lenient"))

        assert (await verdicts.next_of("lenient")).status is Status.REACHABLE
        assert (await verdicts.next_of("verifying")).detail.startswith("certificate: ")


async def test_https_on_a_port_that_speaks_something_else_is_a_tls_failure(
    host: ActionHost, verdicts: Verdicts
) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        host.start(action(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", LENIENT))

        verdict = await verdicts.next_of("vim")

    assert (verdict.status, verdict.reason) == (Status.UNREACHABLE, Reason.TLS)


async def test_an_api_that_hangs_behind_tls_times_out(host: ActionHost, verdicts: Verdicts, tmp_path: Path) -> None:
    async with fake_api(tls=self_signed(tmp_path)) as api:
        api.behaviour = Behaviour.HANG
        host.start(action(api.url, quick_policy()))

        assert (await verdicts.next_of("vim")).reason == Reason.TIMEOUT


@pytest.fixture
def authorities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of all CA certificates that the system knows: there are none."""
    folder = tmp_path / "authorities"
    folder.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    return folder


@pytest.mark.usefixtures("authorities")
async def test_a_machine_that_trusts_nobody_says_so_and_calls_no_vim_unreachable(
    verdicts: Verdicts, tmp_path: Path
) -> None:
    async with fake_api(tls=self_signed(tmp_path)) as api:
        with hosting(verdicts.note, loopback_settings()) as host:
            assert "CA certificates" in host.abilities.missing["HTTP with tls_verify"]
            host.start(action(api.url, VERIFYING, vim_id="verifying"))
            host.start(action(api.url, LENIENT, vim_id="lenient"))

            assert (await verdicts.next_of("lenient")).status is Status.REACHABLE
            verdict = await verdicts.next_of("verifying")

    assert (verdict.status, verdict.reason) == (Status.UNKNOWN, Reason.LOCAL_RESOURCES)


def test_authorities_in_a_folder_are_enough(authorities: Path) -> None:
    (authorities / "0a1b2c3d.0").touch()

    verifying_context()  # raises nothing
