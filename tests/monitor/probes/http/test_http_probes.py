from __future__ import annotations

import socket

import pytest

from tests.support.clouds.targets import Behaviour, FakeApi
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost


async def test_an_api_that_answers_is_reachable(host: ActionHost, api: FakeApi, verdicts: Verdicts) -> None:
    host.start(action(api.url))

    verdict = await verdicts.next_of("vim")

    assert (verdict.status, verdict.reason) == (Status.REACHABLE, "")
    assert verdict.round_trip_s is not None
    assert 0 < verdict.round_trip_s < 5


async def test_a_request_names_the_api_and_who_asks(host: ActionHost, api: FakeApi, verdicts: Verdicts) -> None:
    host.start(action(api.url + "/?a=b"))
    await verdicts.next_of("vim")

    lines = api.requests[0].split("\r\n")

    assert lines[0] == "GET /v3/?a=b HTTP/1.1"
    assert {f"Host: 127.0.0.1:{api.port}", "User-Agent: vimesh/test", "Accept: */*"} <= set(lines)


@pytest.mark.parametrize(
    "status", ["200 OK", "302 Found", "401 Unauthorized", "404 Not Found", "429 Too Many Requests"]
)
async def test_any_answer_below_500_shows_that_the_api_is_reached(
    host: ActionHost, api: FakeApi, verdicts: Verdicts, status: str
) -> None:
    api.status_line = f"HTTP/1.0 {status}"
    host.start(action(api.url))

    assert (await verdicts.next_of("vim")).status is Status.REACHABLE
    assert api.connections == 1  # no redirect is followed


@pytest.mark.parametrize(
    ("behaviour", "status_line", "reason"),
    [
        (Behaviour.ANSWER, "HTTP/1.1 503 Service Unavailable", "HTTP_503"),
        (Behaviour.ANSWER, "HTTP/1.1 5", Reason.PROTOCOL),
        (Behaviour.ANSWER, "HTTP/1.1 " + "x" * 9000, Reason.PROTOCOL),
        (Behaviour.HANG, "", Reason.TIMEOUT),
        (Behaviour.CLOSE, "", Reason.RESET),
        (Behaviour.RESET, "", Reason.RESET),
        (Behaviour.GARBAGE, "", Reason.PROTOCOL),
    ],
)
async def test_an_api_that_fails_is_unreachable_and_the_reason_says_how(
    host: ActionHost, api: FakeApi, verdicts: Verdicts, behaviour: Behaviour, *, status_line: str, reason: str
) -> None:
    api.behaviour, api.status_line = behaviour, status_line
    host.start(action(api.url))

    verdict = await verdicts.next_of("vim")

    assert (verdict.status, verdict.reason) == (Status.UNREACHABLE, reason)
    assert verdict.round_trip_s is None


async def test_a_port_that_nobody_listens_on_is_refused_and_comes_back(
    host: ActionHost, api: FakeApi, verdicts: Verdicts
) -> None:
    await api.refuse()
    host.start(action(api.url))
    assert (await verdicts.until("vim", Status.UNREACHABLE)).reason == Reason.REFUSED

    await api.listen()

    await verdicts.until("vim", Status.REACHABLE)


async def test_a_late_answer_within_the_round_counts(host: ActionHost, api: FakeApi, verdicts: Verdicts) -> None:
    api.behaviour = Behaviour.HANG
    host.start(action(api.url, quick_policy(interval_s=30, timeout_s=10)))
    await api.asked(2)

    api.release.set()

    assert (await verdicts.next_of("vim")).status is Status.REACHABLE


async def test_two_failures_before_an_answer_do_not_make_it_unreachable(
    host: ActionHost, api: FakeApi, verdicts: Verdicts
) -> None:
    api.status_line = "HTTP/1.1 503 Service Unavailable"
    host.start(action(api.url, quick_policy(interval_s=30, timeout_s=10)))
    await api.asked(2)

    api.status_line = "HTTP/1.1 200 OK"

    assert (await verdicts.next_of("vim")).status is Status.REACHABLE


async def test_the_whole_round_of_an_unreachable_vim_is_one_probe(
    host: ActionHost, api: FakeApi, verdicts: Verdicts
) -> None:
    api.status_line = "HTTP/1.1 500 Internal Server Error"
    host.start(action(api.url, quick_policy(fall=2)))
    await verdicts.until("vim", Status.UNREACHABLE)
    before = api.connections

    api.status_line = "HTTP/1.1 200 OK"
    await verdicts.until("vim", Status.REACHABLE)

    assert (before, api.connections) == (2, 3)


async def test_ipv6_addresses_are_probed(host: ActionHost, verdicts: Verdicts) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        host.start(action(f"http://[::1]:{server.getsockname()[1]}/"))

        assert (await verdicts.next_of("vim")).reason == Reason.TIMEOUT  # it connects, and nobody answers
