from __future__ import annotations

import socket

import pytest

from tests.support.actions import action, quick_policy
from tests.support.targets import FakeApi, free_port
from tests.support.verdicts import Verdicts
from vimesh.domain.endpoints import AuthUrlInvalid
from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host import Host


async def test_an_action_that_runs_is_not_started_again(host: Host, api: FakeApi) -> None:
    assert host.start(action(api.url))
    assert not host.start(action(api.url))

    assert list(host.actions()) == [("vim", "action")]


async def test_actions_of_one_vim_run_beside_each_other_until_one_is_stopped(
    host: Host, api: FakeApi, verdicts: Verdicts
) -> None:
    host.start(action(api.url, action_id="old"))
    await verdicts.until("vim", Status.REACHABLE)

    host.start(action(f"http://127.0.0.1:{free_port()}", action_id="new"))
    verdict = await verdicts.until("vim", Status.UNREACHABLE)

    assert (verdict.action_id, verdict.reason) == ("new", Reason.REFUSED)
    assert list(host.actions()) == [("vim", "old"), ("vim", "new")]
    assert host.stop("vim", "old")
    assert list(host.actions()) == [("vim", "new")]


async def test_only_the_action_that_is_named_is_stopped(host: Host, api: FakeApi) -> None:
    host.start(action(api.url, action_id="new"))

    assert not host.stop("vim", "old")
    assert not host.stop("another", "new")
    assert host.stop("vim", "new")
    assert not host.stop("vim", "new")
    assert len(host) == 0


async def test_an_action_whose_url_cannot_be_read_leaves_everything_as_it_was(host: Host, api: FakeApi) -> None:
    host.start(action(api.url, action_id="old"))

    with pytest.raises(AuthUrlInvalid):
        host.start(action("ftp://nowhere", action_id="new"))

    assert list(host.actions()) == [("vim", "old")]


async def test_a_stopped_action_says_no_more(host: Host, api: FakeApi, verdicts: Verdicts) -> None:
    host.start(action(api.url, vim_id="stopped"))
    host.stop("stopped", "action")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        host.start(action(url, quick_policy(Method.TCP), vim_id="other"))
        await verdicts.next_of("other")

    assert verdicts.of("stopped") == []
    assert api.connections == 0


async def test_a_reachable_vim_is_probed_on_without_a_word(host: Host, api: FakeApi, verdicts: Verdicts) -> None:
    host.start(action(api.url))

    await api.asked(4)

    assert [verdict.status for verdict in verdicts.all] == [Status.REACHABLE]
