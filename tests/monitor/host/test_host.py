from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from tests.support.clouds.targets import Behaviour, FakeApi, free_port
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.endpoints import AuthUrlInvalid
from vimesh.domain.probing import Method, ProbePolicy, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost


async def test_an_action_that_runs_is_not_started_again(host: ActionHost, api: FakeApi) -> None:
    assert host.start(action(api.url))
    assert not host.start(action(api.url))

    assert list(host.actions()) == [("vim", "action")]


async def test_actions_of_one_vim_run_beside_each_other_until_one_is_stopped(
    host: ActionHost, api: FakeApi, verdicts: Verdicts
) -> None:
    host.start(action(api.url, action_id="old"))
    await verdicts.until("vim", Status.REACHABLE)

    host.start(action(f"http://127.0.0.1:{free_port()}", action_id="new"))
    verdict = await verdicts.until("vim", Status.UNREACHABLE)

    assert (verdict.action_id, verdict.reason) == ("new", Reason.REFUSED)
    assert list(host.actions()) == [("vim", "old"), ("vim", "new")]
    assert host.stop("vim", "old")
    assert list(host.actions()) == [("vim", "new")]


async def test_only_the_action_that_is_named_is_stopped(host: ActionHost, api: FakeApi) -> None:
    host.start(action(api.url, action_id="new"))

    assert not host.stop("vim", "old")
    assert not host.stop("another", "new")
    assert host.stop("vim", "new")
    assert not host.stop("vim", "new")
    assert len(host) == 0


async def test_an_action_whose_url_cannot_be_read_leaves_everything_as_it_was(host: ActionHost, api: FakeApi) -> None:
    host.start(action(api.url, action_id="old"))

    with pytest.raises(AuthUrlInvalid):
        host.start(action("ftp://nowhere", action_id="new"))

    assert list(host.actions()) == [("vim", "old")]


async def test_a_stopped_action_says_no_more(host: ActionHost, api: FakeApi, verdicts: Verdicts) -> None:
    host.start(action(api.url, vim_id="stopped"))
    host.stop("stopped", "action")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        host.start(action(url, quick_policy(Method.TCP), vim_id="other"))
        await verdicts.next_of("other")

    assert verdicts.of("stopped") == []
    assert api.connections == 0


async def test_what_many_vims_have_in_common_is_probed_once_in_a_round(
    host: ActionHost, api: FakeApi, verdicts: Verdicts
) -> None:
    for number in range(20):
        host.start(action(api.url, vim_id=f"vim-{number}"))
    for number in range(20):
        await verdicts.until(f"vim-{number}", Status.REACHABLE)
    assert len(api.requests) < 20

    api.behaviour = Behaviour.CLOSE
    for number in range(20):
        await verdicts.until(f"vim-{number}", Status.UNREACHABLE)

    assert len(verdicts.all) == 40


async def test_an_action_that_shares_the_probes_of_others_hears_their_verdict_at_once(
    host: ActionHost, api: FakeApi, verdicts: Verdicts
) -> None:
    host.start(action(api.url, quick_policy(interval_s=100), vim_id="first"))
    await verdicts.until("first", Status.REACHABLE)

    host.start(action(api.url, quick_policy(interval_s=100), vim_id="second"))

    assert [verdict.status for verdict in verdicts.of("second")] == [Status.REACHABLE]
    assert len(api.requests) == 1


async def test_bad_news_that_is_shared_is_looked_into_at_once(host: ActionHost, verdicts: Verdicts) -> None:
    policy = quick_policy(Method.TCP, interval_s=100)
    url = f"http://127.0.0.1:{free_port()}"
    host.start(action(url, policy, vim_id="first"))
    await verdicts.until("first", Status.UNREACHABLE)

    with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))):
        host.start(action(url, policy, vim_id="second"))
        await verdicts.until("second", Status.REACHABLE)
        await verdicts.until("first", Status.REACHABLE)


async def test_probes_go_on_until_the_last_action_that_shares_them_is_stopped(
    host: ActionHost, api: FakeApi, verdicts: Verdicts
) -> None:
    for vim_id in ("first", "second"):
        host.start(action(api.url, vim_id=vim_id))
        await verdicts.until(vim_id, Status.REACHABLE)

    assert host.stop("first", "action")
    asked = len(api.requests)
    await api.asked(asked + 2)
    assert host.stop("second", "action")

    assert len(host) == 0
    assert verdicts.of("first")[-1].status is Status.REACHABLE


RARELY = quick_policy(interval_s=100)


@pytest.mark.parametrize(
    ("path", "policy"),
    [("/v3", replace(RARELY, fall=2)), ("/v2.0", RARELY)],
)
async def test_probes_that_differ_are_not_shared(
    host: ActionHost, api: FakeApi, verdicts: Verdicts, path: str, policy: ProbePolicy
) -> None:
    host.start(action(api.url, RARELY, vim_id="first"))
    await verdicts.until("first", Status.REACHABLE)

    host.start(action(api.url.replace("/v3", path), policy, vim_id="second"))
    await verdicts.until("second", Status.REACHABLE)

    assert api.connections == 2


async def test_a_reachable_vim_is_probed_on_without_a_word(host: ActionHost, api: FakeApi, verdicts: Verdicts) -> None:
    host.start(action(api.url))

    await api.asked(4)

    assert [verdict.status for verdict in verdicts.all] == [Status.REACHABLE]
