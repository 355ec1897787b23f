from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.clouds.certificates import self_signed
from tests.support.clouds.scripted_api import ScriptedApi, head, scripted_api
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.told_conditions import ToldConditions
from tests.support.probers.verdicts import PATIENCE_S, Verdicts
from vimesh.domain.actions import Action
from vimesh.domain.conditions.conditions import Condition, ConditionStatus
from vimesh.domain.probes.asked_probes import AskedProbe
from vimesh.domain.probing import Depth, Method
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.targets.verdict import Verdict

V3 = json.dumps({"version": {"id": "v3.14", "status": "stable"}}).encode()
NOT_READY = b"[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n"
READY = "ServiceReady"
TRUE, FALSE = ConditionStatus.TRUE, ConditionStatus.FALSE


@pytest.fixture
async def observing(verdicts: Verdicts) -> AsyncGenerator[ActionHost]:
    with hosting(verdicts.note, loopback_settings(conditions=True)) as made:
        yield made


@pytest.fixture
async def scripted() -> AsyncGenerator[ScriptedApi]:
    async with scripted_api() as made:
        yield made


def openstack(api: ScriptedApi, *, fall: int = 3, timeout_s: float = 1.0) -> Action:
    return action(
        api.url, quick_policy(depth=Depth.SERVICE, fall=fall, timeout_s=timeout_s, interval_s=timeout_s + 0.2)
    )


def kubernetes(api: ScriptedApi, *, fall: int = 3) -> Action:
    url = api.url.removesuffix("/v3")
    return action(url, quick_policy(depth=Depth.SERVICE, fall=fall, timeout_s=1, interval_s=1.2), vim_type="kubernetes")


@pytest.mark.parametrize("fall", [1, 3])
async def test_a_keystone_that_shows_its_versions_is_ready(
    observing: ActionHost, scripted: ScriptedApi, verdicts: Verdicts, fall: int
) -> None:
    told = ToldConditions(observing)
    scripted.answer(200, V3)
    observing.start(openstack(scripted, fall=fall, timeout_s=0.2))

    assert await told.next(READY) == Condition(READY, TRUE, "", "Identity API v3.14, stable")
    assert (await verdicts.until("vim", Status.REACHABLE)).reason == ""
    await scripted.asked(8)
    told.take()
    assert len(told.all) == 1, "a steady round tells nothing"
    assert {request.splitlines()[0] for request in scripted.requests} == {"GET /v3 HTTP/1.1"}


async def test_over_tls_it_is_the_same(observing: ActionHost, tmp_path: Path) -> None:
    told = ToldConditions(observing)
    async with scripted_api(tls=self_signed(tmp_path)) as api:
        api.answer(200, V3)
        observing.start(openstack(api))

        assert (await told.next(READY)).status is TRUE
        assert (await told.next("CertificateValid")).status is TRUE


@pytest.mark.parametrize("fall", [1, 3])
async def test_the_status_is_told_before_the_body_has_come(
    observing: ActionHost, scripted: ScriptedApi, verdicts: Verdicts, fall: int
) -> None:
    told = ToldConditions(observing)
    scripted.pieces = [head(200, len(V3)), V3[:5], None, V3[5:]]
    observing.start(openstack(scripted, fall=fall, timeout_s=4))

    await verdicts.until("vim", Status.REACHABLE)
    told.take()
    assert not told.all
    scripted.go_on.release()

    assert (await told.next(READY)).status is TRUE


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + V3[:9], V3[9:]],
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(V3), V3 + b"\r\n", b"0\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\n", head(300, len(V3) + 9), V3, b" " * 9],
    ],
    ids=["until it closes", "in chunks", "after an interim answer"],
)
@pytest.mark.parametrize("fall", [1, 3])
async def test_a_body_is_read_whatever_frames_it(
    observing: ActionHost, scripted: ScriptedApi, pieces: list[bytes], fall: int
) -> None:
    told = ToldConditions(observing)
    scripted.pieces, scripted.closes = pieces, True
    observing.start(openstack(scripted, fall=fall))

    assert (await told.next(READY)).status is TRUE


async def test_another_web_server_is_reached_and_not_ready(
    observing: ActionHost, scripted: ScriptedApi, verdicts: Verdicts
) -> None:
    told = ToldConditions(observing)
    scripted.answer(200, b"<html>It works!</html>")
    observing.start(openstack(scripted))

    assert (await told.next(READY)).reason == "NOT_KEYSTONE"
    await verdicts.until("vim", Status.REACHABLE)


async def test_a_balancer_without_a_keystone_is_told_with_its_status(
    observing: ActionHost, scripted: ScriptedApi, verdicts: Verdicts
) -> None:
    told = ToldConditions(observing)
    scripted.answer(503, b"no server is available")
    observing.start(openstack(scripted))
    assert (await verdicts.until("vim", Status.UNREACHABLE)).reason == "HTTP_503"
    unready = await told.next(READY)

    scripted.answer(200, V3)

    assert (unready.status, unready.reason) == (FALSE, "HTTP_503")
    assert (await told.next(READY, after=unready)).status is TRUE
    await verdicts.until("vim", Status.REACHABLE)


async def test_an_answer_that_never_ends_is_reached_and_says_nothing(
    observing: ActionHost, scripted: ScriptedApi, verdicts: Verdicts
) -> None:
    told = ToldConditions(observing)
    scripted.pieces = [head(200, len(V3)), V3[:5], None]
    observing.start(openstack(scripted, fall=1, timeout_s=10))

    assert (await told.next(READY)).reason == "INCOMPLETE"
    assert [verdict.status for verdict in verdicts.of("vim")] == [Status.REACHABLE]


async def test_an_endless_answer_is_read_to_its_bound_only(observing: ActionHost, scripted: ScriptedApi) -> None:
    told = ToldConditions(observing)
    scripted.pieces = [head(200, 10**9), *[b'{"version": ' + b" " * 1000] * 200]
    observing.start(openstack(scripted))

    assert (await told.next(READY)).reason == "NOT_KEYSTONE"


@pytest.mark.parametrize("fall", [1, 3])
@pytest.mark.parametrize("at", [0, 12])
async def test_an_api_server_that_is_not_ready_is_reached(
    observing: ActionHost, scripted: ScriptedApi, verdicts: Verdicts, fall: int, at: int
) -> None:
    told = ToldConditions(observing)
    begin = head(500, len(NOT_READY)) + NOT_READY[:at]
    scripted.pieces = [begin, None, NOT_READY[at:]] if at else [begin + NOT_READY]
    scripted.go_on = asyncio.Semaphore(100)
    observing.start(kubernetes(scripted, fall=fall))

    condition = await told.next(READY)
    await verdicts.until("vim", Status.REACHABLE)

    assert (condition.status, condition.reason) == (FALSE, "NOT_READY")
    assert condition.message == "failed checks of /readyz: etcd"
    assert {request.splitlines()[0] for request in scripted.requests} == {"GET /readyz HTTP/1.1"}


async def test_an_error_that_is_none_of_an_api_server_is_judged_as_ever(
    observing: ActionHost, scripted: ScriptedApi, verdicts: Verdicts
) -> None:
    told = ToldConditions(observing)
    scripted.answer(500, b"Internal Server Error")
    observing.start(kubernetes(scripted))

    assert (await verdicts.until("vim", Status.UNREACHABLE)).reason == "HTTP_500"
    assert (await told.next(READY)).reason == "HTTP_500"


async def test_without_the_depth_nothing_is_judged_but_the_status(
    observing: ActionHost, scripted: ScriptedApi, verdicts: Verdicts
) -> None:
    scripted.answer(200, V3)
    observing.start(action(scripted.url, quick_policy(), vim_id="shallow"))
    observing.start(action(scripted.url, quick_policy(depth=Depth.SERVICE), vim_id="strange", vim_type="vmware"))
    observing.start(action(scripted.url, quick_policy(Method.TCP, depth=Depth.SERVICE), vim_id="tcp"))
    for vim_id in ("shallow", "strange", "tcp"):
        await verdicts.until(vim_id, Status.REACHABLE)

    assert observing.conditions is not None
    assert not observing.conditions.book.take(10)


async def test_vims_of_different_types_do_not_share_probes(observing: ActionHost, scripted: ScriptedApi) -> None:
    told = ToldConditions(observing)
    scripted.answer(200, V3)
    policy = quick_policy(depth=Depth.SERVICE)
    for vim_id, vim_type in (("one", "openstack"), ("same", "openstack"), ("other", "kubernetes")):
        observing.start(action(scripted.url, policy, vim_id=vim_id, vim_type=vim_type))

    assert (await told.next(READY, "one")).status is TRUE
    assert (await told.next(READY, "same")).status is TRUE
    assert (await told.next(READY, "other")).reason == "NOT_KUBERNETES"
    assert observing.targets == 2


async def test_nothing_is_kept_of_actions_that_have_ended(observing: ActionHost, scripted: ScriptedApi) -> None:
    told = ToldConditions(observing)
    scripted.answer(200, V3)
    observing.start(openstack(scripted))
    await told.next(READY)
    observing.stop("vim", "action")

    assert (told.book.targets, len(told.book)) == (0, 0)


async def test_a_requested_round_asks_what_a_regular_one_asks(
    observing: ActionHost, scripted: ScriptedApi, verdicts: Verdicts
) -> None:
    told = ToldConditions(observing)
    scripted.answer(500, NOT_READY)
    regular = kubernetes(scripted)
    seen: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

    asked = AskedProbe(regular.vim_id, regular.auth_url, regular.policy, regular.vim_type)
    observing.requested_rounds.start(asked, 10.0, seen.set_result)
    async with asyncio.timeout(PATIENCE_S):
        verdict = await seen

    assert (verdict.status, verdict.reason) == (Status.REACHABLE, "")
    assert {request.splitlines()[0] for request in scripted.requests} == {"GET /readyz HTTP/1.1"}
    told.take()
    assert (told.all, verdicts.all) == ([], []), "what was asked for is on no record"
