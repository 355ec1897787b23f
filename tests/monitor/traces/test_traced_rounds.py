from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from tests.support.clouds.certificates import self_signed
from tests.support.clouds.scripted_api import head, scripted_api
from tests.support.clouds.targets import FakeApi
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.verdicts import PATIENCE_S, Verdicts
from vimesh.domain.conditions.conditions import ConditionStatus
from vimesh.domain.probes.asked_probes import AskedProbe
from vimesh.domain.probes.evidence import ProbeAttempt, ProbeEvidence
from vimesh.domain.probing import Depth, Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.targets.verdict import Verdict
from vimesh.wire.probes.evidence_messages import evidence_message, evidence_of

V3 = json.dumps({"version": {"id": "v3.14", "status": "stable"}}).encode()
POLICY = ProbePolicy(timeout_s=5.0, fall=1)
SERVICE = ProbePolicy(timeout_s=5.0, fall=1, depth=Depth.SERVICE)


@pytest.fixture
async def host(verdicts: Verdicts) -> AsyncGenerator[ActionHost]:
    with hosting(verdicts.note, loopback_settings(conditions=True)) as made:
        yield made


async def traced(
    host: ActionHost, url: str, policy: ProbePolicy = POLICY, vim_type: str = "", within_s: float = 10.0
) -> tuple[Verdict, ProbeEvidence]:
    told: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
    trace = host.requested_rounds.new_trace()
    host.requested_rounds.start(AskedProbe("vim", url, policy, vim_type), within_s, told.set_result, trace)
    async with asyncio.timeout(PATIENCE_S):
        verdict = await told
    return verdict, trace.evidence()


def steps(attempt: ProbeAttempt) -> Sequence[float]:
    """Return the times of an attempt that came as far as an answer, in their order."""
    times = (attempt.connected_s, attempt.encrypted_s, attempt.first_byte_s, attempt.answered_s)
    return [each for each in times if each is not None]


async def test_an_answer_is_told_step_by_step(host: ActionHost) -> None:
    async with scripted_api() as api:
        api.pieces = [b"HTTP/1.1 404 No\r\nServer: scripted\r\nContent-Length: 0\r\n\r\n"]

        verdict, evidence = await traced(host, api.url)

    [attempt] = evidence.attempts
    assert verdict.status is Status.REACHABLE
    assert attempt.address == api.url.removeprefix("http://").partition("/")[0]
    assert (len(steps(attempt)), attempt.encrypted_s, attempt.reason) == (3, None, "")
    assert list(steps(attempt)) == sorted(steps(attempt))
    assert (evidence.http_status, dict(evidence.headers)["Server"]) == (404, "scripted")
    assert (evidence.certificate, evidence.conditions) == (None, ())
    # Nothing is left of it.
    await asyncio.sleep(0)
    assert not host.requested_rounds._traces


async def test_a_handshake_shows_its_certificate(host: ActionHost, tmp_path: Path) -> None:
    async with scripted_api(tls=self_signed(tmp_path)) as api:
        api.answer(200, b"")
        lenient, seen = await traced(host, api.url)
        strict, refused = await traced(host, api.url, ProbePolicy(timeout_s=5.0, fall=1, tls_verify=True))

    assert (lenient.status, strict.status, strict.reason) == (Status.REACHABLE, Status.UNREACHABLE, Reason.TLS)
    assert len(steps(seen.attempts[0])) == 4
    assert seen.certificate is not None
    assert refused.certificate is not None
    assert (seen.certificate.verified, refused.certificate.verified) == (None, False)
    assert seen.certificate.sha256 == refused.certificate.sha256
    [valid], [untrusted] = seen.conditions, refused.conditions
    assert (valid.status, untrusted.status, untrusted.reason) == (
        ConditionStatus.TRUE,
        ConditionStatus.FALSE,
        "UNTRUSTED",
    )
    assert (refused.attempts[0].encrypted_s, refused.attempts[0].reason) == (None, Reason.TLS)


async def test_the_rest_of_an_answer_is_awaited_that_says_whether_a_service_is_ready(host: ActionHost) -> None:
    async with scripted_api() as api:
        api.pieces = [head(200, len(V3)), V3[:5], None, V3[5:]]
        asking = asyncio.ensure_future(traced(host, api.url, SERVICE, "openstack"))
        await api.asked(1)
        api.go_on.release()

        verdict, evidence = await asking

    assert verdict.status is Status.REACHABLE
    [ready] = evidence.conditions
    assert (ready.type, ready.status) == ("ServiceReady", ConditionStatus.TRUE)


async def test_a_body_that_never_ends_changes_no_verdict(host: ActionHost) -> None:
    async with scripted_api() as api:
        api.pieces = [head(200, len(V3)), V3[:5], None]

        verdict, evidence = await traced(host, api.url, SERVICE, "openstack", within_s=1.0)

        assert (verdict.status, verdict.reason) == (Status.REACHABLE, "")
        assert [(each.status, each.reason) for each in evidence.conditions] == [(ConditionStatus.UNKNOWN, "INCOMPLETE")]
        api.go_on.release()


async def test_what_fails_says_where(host: ActionHost, api: FakeApi) -> None:
    await api.refuse()

    verdict, evidence = await traced(host, api.url, ProbePolicy(method=Method.TCP, timeout_s=5.0, fall=3))

    assert verdict.reason == Reason.REFUSED
    assert len(evidence.attempts) == 3
    assert {(each.reason, each.connected_s) for each in evidence.attempts} == {(Reason.REFUSED, None)}


async def test_a_connection_is_enough_for_tcp(host: ActionHost) -> None:
    async with scripted_api() as api:
        verdict, evidence = await traced(host, api.url, ProbePolicy(method=Method.TCP, timeout_s=5.0))

    assert verdict.status is Status.REACHABLE
    assert len(steps(evidence.attempts[0])) == 2


async def test_messages_carry_all_of_it(host: ActionHost, tmp_path: Path) -> None:
    async with scripted_api(tls=self_signed(tmp_path)) as api:
        api.answer(200, V3)
        _, evidence = await traced(host, api.url, SERVICE, "openstack")

    read = evidence_of(evidence_message(evidence))

    assert (read.http_status, read.headers, read.conditions) == (
        evidence.http_status,
        evidence.headers,
        evidence.conditions,
    )
    assert read.certificate == evidence.certificate
    assert [each.address for each in read.attempts] == [each.address for each in evidence.attempts]
    assert steps(read.attempts[0]) == pytest.approx(steps(evidence.attempts[0]), abs=1e-6)
