"""No TLS server holds the loop that all VIMs share, and each reads what it deserves."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.support.clouds.certificates import giant_rsa, self_signed
from tests.support.clouds.openssl_server import openssl_server
from tests.support.clouds.targets import fake_api
from tests.support.clouds.tls_talks import answering, byte_by_byte, half_and_close
from tests.support.hostile.hostile_servers import Kind, serving
from tests.support.hostile.hostile_tls import TLS_KINDS
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.verdicts import Verdicts
from tests.support.timing.loop_meter import loop_meter
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost

MOST_S = 0.05
POLICY = quick_policy(timeout_s=1.5, interval_s=3)
EACH_ON_A_NEW_CONNECTION = ProbePolicy(Method.HTTP, interval_s=0.7, timeout_s=0.6, fall=1)


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """The file of a usual key and its certificate."""
    self_signed(tmp_path)
    return tmp_path / "server.pem"


@pytest.mark.parametrize("kind", TLS_KINDS, ids=lambda kind: kind.name)
async def test_a_hostile_server_reads_what_it_deserves(
    host: ActionHost, verdicts: Verdicts, tmp_path: Path, kind: Kind
) -> None:
    async with serving([kind], tmp_path) as ports:
        with loop_meter() as meter:
            host.start(action(f"https://127.0.0.1:{ports[kind.name]}/", POLICY))
            verdict = await verdicts.judged("vim")

    assert f"{verdict.status} {verdict.reason}".strip() in kind.expected
    assert meter.longest_hold_s < MOST_S


@pytest.mark.parametrize(
    "options",
    [
        ("-tls1_3", "-groups", "ffdhe8192"),
        ("-tls1_3", "-groups", "P-521"),
        ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "ECDHE+AESGCM"),
    ],
    ids=" ".join,
)
async def test_what_a_server_may_choose_is_computed_beside_the_loop(
    host: ActionHost, verdicts: Verdicts, pem: Path, options: tuple[str, ...]
) -> None:
    async with openssl_server(pem, *options) as url:
        with loop_meter() as meter:
            host.start(action(url, POLICY))
            verdict = await verdicts.judged("vim")

    assert verdict.status is Status.REACHABLE
    assert meter.longest_hold_s < MOST_S


@pytest.mark.parametrize("tls_verify", [False, True])
async def test_an_rsa_key_of_16384_bits_does_not_hold_the_loop(
    host: ActionHost, verdicts: Verdicts, *, tls_verify: bool
) -> None:
    async with openssl_server(giant_rsa()) as url:
        with loop_meter() as meter:
            host.start(action(url, quick_policy(timeout_s=5, interval_s=10, tls_verify=tls_verify)))
            verdict = await verdicts.judged("vim")

    expected = (Status.UNREACHABLE, Reason.TLS) if tls_verify else (Status.REACHABLE, "")
    assert (verdict.status, verdict.reason) == expected
    assert meter.longest_hold_s < MOST_S


async def test_costly_handshakes_do_not_delay_those_of_others(
    host: ActionHost, verdicts: Verdicts, pem: Path, tmp_path: Path
) -> None:
    async with (
        openssl_server(pem, "-tls1_3", "-groups", "ffdhe8192") as url,
        fake_api(tls=self_signed(tmp_path)) as api,
    ):
        with loop_meter() as meter:
            for number in range(5):
                host.start(action(url, EACH_ON_A_NEW_CONNECTION, vim_id=f"costly-{number}"))
            await verdicts.next_of("costly-0")
            host.start(action(api.url, EACH_ON_A_NEW_CONNECTION, vim_id="neighbour"))
            await api.asked(8)

    assert [told.status for told in verdicts.of("neighbour")] == [Status.REACHABLE]
    assert meter.longest_hold_s < MOST_S


async def test_a_server_that_sends_byte_by_byte_is_understood(
    host: ActionHost, verdicts: Verdicts, tmp_path: Path
) -> None:
    async with answering(self_signed(tmp_path), byte_by_byte) as url:
        host.start(action(url, POLICY))

        assert (await verdicts.judged("vim")).status is Status.REACHABLE


async def test_a_server_that_closes_within_its_handshake_has_closed(
    host: ActionHost, verdicts: Verdicts, tmp_path: Path
) -> None:
    async with answering(self_signed(tmp_path), half_and_close) as url:
        host.start(action(url, POLICY))
        verdict = await verdicts.judged("vim")

    assert (verdict.status, verdict.reason) == (Status.UNREACHABLE, Reason.RESET)


async def test_tickets_without_an_answer_are_too_much(host: ActionHost, verdicts: Verdicts, tmp_path: Path) -> None:
    context = self_signed(tmp_path)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 500
    async with fake_api(tls=context) as api:
        host.start(action(api.url, POLICY))
        verdict = await verdicts.judged("vim")

    assert (verdict.status, verdict.reason) == (Status.UNREACHABLE, Reason.TLS)
    assert verdict.detail == "the server sends too much through TLS that is not an answer"


async def test_a_server_that_answers_before_it_is_asked_is_read(
    host: ActionHost, verdicts: Verdicts, tmp_path: Path
) -> None:
    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            # Until the prober leaves.
            while await reader.read(4096):
                pass

    context = self_signed(tmp_path)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = await asyncio.start_server(hasty, "127.0.0.1", 0, ssl=context)
    async with server:
        host.start(action(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", POLICY))

        assert (await verdicts.judged("vim")).status is Status.REACHABLE
