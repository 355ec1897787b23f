"""A connection of ours never takes a worker that the users of a server need."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.support.clouds.worker_server import user_waits_s, worker_server
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.verdicts import PATIENCE_S, Verdicts
from tests.support.timing.waiting import until
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.host.action_host import ActionHost
from vimesh.monitor.host.build_host import hosting

TIMEOUT_S = 1.0
POLICY = quick_policy(interval_s=1.5, timeout_s=TIMEOUT_S)
SOON_S = 0.5
"""What takes less did not wait for a time-out."""


@pytest.mark.parametrize("workers", [1, 2])
async def test_users_of_a_server_with_few_workers_do_not_wait_for_us(
    host: ActionHost, verdicts: Verdicts, workers: int
) -> None:
    with worker_server(workers) as server:
        host.start(action(f"{server.url}/a", POLICY, vim_id="a"))
        await verdicts.next_of("a")
        assert await user_waits_s(server) < TIMEOUT_S + SOON_S  # during the trial
        host.start(action(f"{server.url}/b", POLICY, vim_id="b"))
        await verdicts.next_of("b")

        for _ in range(3):
            asked = server.paths.count("/a")
            await until(lambda: server.paths.count("/a") > asked, PATIENCE_S)  # noqa: B023 - called in this turn only
            assert await user_waits_s(server) < SOON_S

    assert [(verdict.vim_id, verdict.status) for verdict in verdicts.all] == [
        ("a", Status.REACHABLE),
        ("b", Status.REACHABLE),
    ]


async def test_a_trial_ends_in_time_although_no_round_is_near(host: ActionHost, verdicts: Verdicts) -> None:
    with worker_server(1) as server:
        host.start(action(server.url, quick_policy(interval_s=25, timeout_s=TIMEOUT_S), vim_id="alone"))
        await verdicts.next_of("alone")

        assert await user_waits_s(server) < TIMEOUT_S + SOON_S


async def test_two_vims_at_a_server_with_one_worker_are_both_reachable_from_the_first(
    host: ActionHost, verdicts: Verdicts
) -> None:
    with worker_server(1) as server:
        host.start(action(f"{server.url}/a", POLICY, vim_id="a"))
        host.start(action(f"{server.url}/b", POLICY, vim_id="b"))
        await verdicts.next_of("a")
        await verdicts.next_of("b")
        asked = len(server.requests)
        await until(lambda: len(server.requests) >= asked + 6, PATIENCE_S)

    assert {verdict.status for verdict in verdicts.all} == {Status.REACHABLE}
    assert len(verdicts.all) == 2


async def test_a_server_with_workers_to_spare_keeps_one_connection_for_all_its_vims(
    host: ActionHost, verdicts: Verdicts
) -> None:
    with worker_server(6) as server:
        host.start(action(f"{server.url}/a", POLICY, vim_id="a"))
        await until(lambda: len(server.requests) >= 5, PATIENCE_S)

        assert server.requests == [1, 2, 3, 1, 1]  # two on trial

        host.start(action(f"{server.url}/b", POLICY, vim_id="b"))
        await until(lambda: len(server.requests) >= 11, PATIENCE_S)

        assert server.requests[5:].count(1) in {2, 3, 4}
        assert all(server.requests.count(number) == 1 for number in range(2, server.connections + 1))
    assert {verdict.status for verdict in verdicts.all} == {Status.REACHABLE}


async def test_a_server_that_loses_its_workers_is_given_back_the_one_that_we_hold(verdicts: Verdicts) -> None:
    life_s = 6.0
    with worker_server(3) as server, hosting(verdicts.note, loopback_settings(kept_life_s=life_s)) as host:
        host.start(action(server.url, POLICY))
        await until(lambda: len(server.requests) >= 5, PATIENCE_S)
        assert server.requests == [1, 2, 3, 1, 1]

        # Users who hold on to their connections take all the others.
        users = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        for _, writer in users:
            writer.write(b"GET / HTTP/1.1\r\nHost: server\r\n\r\n")
        await until(lambda: {4, 5} <= set(server.requests), PATIENCE_S)
        # The new connection is not answered while the old one stands: so that was given up, and none is kept.
        await until(lambda: server.connections >= 8, PATIENCE_S)
        assert await user_waits_s(server) < SOON_S
        for _, writer in users:
            writer.close()

    assert [verdict.status for verdict in verdicts.all] == [Status.REACHABLE]


async def test_a_server_that_refuses_a_second_connection_is_left_alone(host: ActionHost, verdicts: Verdicts) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    served = asyncio.create_task(asyncio.to_thread(serve_one, listener))
    host.start(action(f"http://127.0.0.1:{listener.getsockname()[1]}", POLICY))

    assert (await verdicts.next_of("vim")).status is Status.REACHABLE
    with pytest.raises(ConnectionResetError):
        await served
    assert (await verdicts.until("vim", Status.UNREACHABLE)).reason == Reason.REFUSED


def serve_one(listener: socket.socket) -> None:
    """Answer one request, and listen no more; return when the connection is closed."""
    with listener:
        peer, _ = listener.accept()
    with peer:
        peer.settimeout(PATIENCE_S)
        peer.recv(4096)
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        peer.recv(1)
