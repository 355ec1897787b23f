"""Digests on their way from a monitor to what people see: real probes, a real conductor, the real command."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from random import Random

import grpc
import pytest

from tests.support.callers.commands import Command
from tests.support.clouds.targets import FakeApi
from tests.support.deployments.conductors import Client, conductor_at
from tests.support.networks.echoes import echoes_in
from tests.support.networks.inside import run_inside
from tests.support.networks.losses import PingCount, count_pings, lose_pings
from tests.support.networks.namespaces import Namespace
from tests.support.probers.actions import action, quick_policy
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.verdicts import Verdicts
from tests.support.timing.waiting import until
from vimesh.domain.history.round_digests import MINUTE_S, RECORD_BYTES, digests_of, is_consistent, record_of
from vimesh.domain.probing import Method
from vimesh.domain.vims import Status
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.reporting.history_delivery import DeliveryLimits, HistoryDelivery
from vimesh.monitor.reporting.pending_digests import MOST_OF_ACTION, PendingDigests
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import Target
from vimesh.rpc.channels import channel
from vimesh.v1 import history_service_pb2 as pb
from vimesh.v1 import vim_pb2
from vimesh.v1.history_service_pb2_grpc import HistoryServiceStub

NOBODY = "127.0.0.1:9"


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[Client]:
    async with conductor_at(tmp_path / "vimesh.sqlite") as made:
        yield made


def delivery_to(
    stub: object, history: RoundHistory | None = None, pending: PendingDigests | None = None
) -> HistoryDelivery:
    return HistoryDelivery(
        stub,  # type: ignore[arg-type]  # a stub
        history or RoundHistory(),
        clock=time.monotonic,
        random=Random(1),
        pending=pending,
        limits=DeliveryLimits(batch=2, call_timeout_s=10, first_pause_s=0.01, longest_pause_s=0.01),
    )


def noted(history: RoundHistory, vim: vim_pb2.Vim) -> None:
    """Note a minute of a VIM: three answered rounds, the last one after a lost probe, and one without an answer."""
    target = Target(action("http://127.0.0.1", vim_id=vim.id, action_id=vim.monitor.action_id))
    for round_trip_s, lost in ((0.002, 0), (0.02, 0), (0.2, 1)):
        history.note_answer(target, round_trip_s, lost)
    history.note_failure(target, 3)


async def samples(client: Client, vim: vim_pb2.Vim) -> list[pb.Sample]:
    return list((await client.history.ListSamples(pb.ListSamplesRequest(vim_id=vim.id), timeout=30)).samples)


async def test_what_was_probed_is_shown(client: Client, api: FakeApi, tmp_path: Path) -> None:
    vim, verdicts = await client.register(name="lab", auth_url=api.url), Verdicts()
    ping = quick_policy(Method.PING)
    steady = await client.register(auth_url="http://127.0.0.1")
    with hosting(verdicts.note, loopback_settings(history=True)) as host:
        assert host.history is not None
        delivery = delivery_to(client.history, host.history)
        host.start(action(api.url, vim_id=vim.id, action_id=vim.monitor.action_id))
        host.start(action("http://127.0.0.1", ping, vim_id=steady.id, action_id=steady.monitor.action_id))
        for each in (vim, steady):
            await verdicts.until(each.id, Status.REACHABLE)
        # A steady VIM answers volleys, of which nothing else can be seen.
        await until(lambda: host.statistics.rounds >= 8, 30)

        assert await delivery.deliver({})
        await delivery.end_minute()
        assert await delivery.deliver(delivery.pending.take(10))

    asked = host.statistics.by_method[Method.HTTP].probes
    [sample], [of_steady] = await samples(client, vim), await samples(client, steady)
    assert sample.rounds == sample.answered == pytest.approx(asked, abs=1)
    assert of_steady.rounds == of_steady.answered == pytest.approx(host.statistics.rounds - asked, abs=1)
    assert sum(sample.classes) == sample.answered
    assert 0 < sample.min_round_trip.ToNanoseconds() <= sample.mean_round_trip.ToNanoseconds()
    shown = await asyncio.to_thread(Command(tmp_path), "vim", "history", "lab", "--address", client.address)
    assert shown.code == 0
    assert shown.out.split()[:7] == ["TIME", "ROUNDS", "ANSWERED", "LOST", "MIN", "MEAN", "MAX"]


DELAYS = {f"127.7.0.{milliseconds}": milliseconds / 1000 for milliseconds in (10, 60, 150)}
LOSSY = [f"127.8.0.{number}" for number in range(1, 8)]
PING = quick_policy(Method.PING, timeout_s=0.4)
ROUNDS = 10


async def test_delays_and_losses_of_a_network_come_back(client: Client, machine: Namespace) -> None:
    """Each VIM's to within a round, whether it is steady or not."""
    vims = {address: await client.register(auth_url=f"http://{address}") for address in (*DELAYS, *LOSSY)}
    machine.drop(DELAYS)
    lose_pings(machine, "127.8.0.0/24", lost=1, of=4)
    async with echoes_in(machine, "as late as the address says", "127.7.0.0/24"):
        probing = asyncio.to_thread(run_inside, machine, lambda: asyncio.run(probed(machine, vims)))
        history, pings = await probing

    delivery = delivery_to(client.history, history)
    assert await delivery.deliver({})
    await delivery.end_minute()
    assert await delivery.deliver(delivery.pending.take(100))

    for address, delay_s in DELAYS.items():
        [sample] = await samples(client, vims[address])
        assert sample.answered == pytest.approx(sample.rounds, abs=1)
        assert sample.rounds == pytest.approx(ROUNDS, abs=2)
        shortest_s, mean_s = (each.ToNanoseconds() / 1e9 for each in (sample.min_round_trip, sample.mean_round_trip))
        assert delay_s - 0.001 < shortest_s < delay_s + 0.04
        assert shortest_s <= mean_s
    for address in LOSSY:
        [sample] = await samples(client, vims[address])
        count = pings[address]
        assert sample.lost == pytest.approx(count.lost, abs=PING.fall)
        assert sample.answered == pytest.approx(count.sent - count.lost, abs=1)
    assert sum(count.lost for count in pings.values()) >= ROUNDS


async def probed(machine: Namespace, vims: Mapping[str, vim_pb2.Vim]) -> tuple[RoundHistory, dict[str, PingCount]]:
    """Probe VIMs by address; return what their rounds came to, and what the network has seen of it."""
    with hosting(Verdicts().note, loopback_settings(history=True)) as host:
        for address, vim in vims.items():
            host.start(action(f"http://{address}", PING, vim_id=vim.id, action_id=vim.monitor.action_id))
        await until(lambda: host.statistics.rounds >= ROUNDS * len(vims), 60)
        assert host.history is not None
        return host.history, count_pings(machine)


async def test_a_history_is_shown_as_lines_with_bars_as_json_and_as_csv(client: Client, tmp_path: Path) -> None:
    vim, history = await client.register(name="lab"), RoundHistory()
    delivery = delivery_to(client.history, history)
    await delivery.deliver({})
    noted(history, vim)
    await delivery.end_minute()
    await delivery.deliver(delivery.pending.take(10))

    def show(*flags: str) -> str:
        ended = Command(tmp_path)("vim", "history", "lab", "--address", client.address, *flags)
        assert ended.code == 0, ended.err
        return ended.out

    line = (await asyncio.to_thread(show)).splitlines()[1].split()
    assert line[-7:-1] == ["4", "3", "4", "2.0ms", "74.0ms", "200.0ms"]
    assert set(line[-1]) == {"#"}
    document = await asyncio.to_thread(show, "-o", "json", "--from", "2h", "--resolution", "10m")
    assert '"span": "600s"' in document
    [row] = csv.DictReader(io.StringIO(await asyncio.to_thread(show, "-o", "csv")))
    assert [row[name] for name in ("ROUNDS", "ANSWERED", "LOST")] == ["4", "3", "4"]
    assert float(row["MEAN"]) == pytest.approx(0.074)
    refused = await asyncio.to_thread(Command(tmp_path), "vim", "history", "lab", "--from", "yesterday")
    assert refused.code == 2
    assert "--from" in refused.err


async def test_digests_wait_while_nobody_can_be_reached(client: Client) -> None:
    vim, history, pending = await client.register(), RoundHistory(), PendingDigests()
    delivery = delivery_to(client.history, history, pending)
    await delivery.deliver({})
    noted(history, vim)
    await delivery.end_minute()
    async with channel(NOBODY) as nowhere:
        cut_off = delivery_to(HistoryServiceStub(nowhere), history, pending)
        assert not await cut_off.deliver(pending.take(10))
    assert (len(pending), pending.dropped) == (1, 0)

    assert await delivery.deliver(pending.take(10))

    assert [sample.rounds for sample in await samples(client, vim)] == [4]


async def test_digests_that_would_be_refused_again_are_dropped_and_counted(client: Client) -> None:
    pending = PendingDigests()
    delivery = delivery_to(client.history, pending=pending)

    assert not await delivery.deliver({("vim", "action"): b"x" * RECORD_BYTES * 2})

    assert (len(pending), pending.dropped) == (0, 2)


async def test_digests_before_the_time_is_told_are_dropped_and_counted(client: Client) -> None:
    vim, history = await client.register(), RoundHistory()
    delivery = delivery_to(client.history, history)
    noted(history, vim)

    await delivery.end_minute()

    assert (len(delivery.pending), delivery.pending.dropped) == (0, 1)


async def test_what_is_left_is_delivered_when_a_monitor_ends(client: Client) -> None:
    vim, history = await client.register(), RoundHistory()
    delivery = delivery_to(client.history, history)
    await delivery.deliver({})
    running = asyncio.create_task(delivery.run())
    await asyncio.sleep(0)
    noted(history, vim)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert [sample.rounds for sample in await samples(client, vim)] == [4]


async def test_a_minute_ends_with_the_minute_of_the_database(client: Client) -> None:
    delivery = delivery_to(client.history)
    began_s = time.monotonic()
    await delivery.deliver({})
    answer = await client.history.RecordDigests(pb.RecordDigestsRequest(), timeout=30)

    left_s = delivery.minute_left_s()

    took_s = time.monotonic() - began_s
    ends_at = answer.time.ToNanoseconds() / 1e9 + left_s
    assert abs(ends_at - round(ends_at / MINUTE_S) * MINUTE_S) < 1 + took_s
    assert answer.deliver_within.seconds == MINUTE_S


async def test_digests_against_the_rules_are_refused(client: Client) -> None:
    twice = record_of(1, []) * 2
    for digests in (b"", b"x", twice, b"".join(record_of(slot, []) for slot in range(61))):
        request = pb.RecordDigestsRequest(actions=[pb.ActionDigests(vim_id="v", action_id="a", digests=digests)])
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.history.RecordDigests(request, timeout=30)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_no_more_is_kept_than_fits_and_the_rest_is_counted() -> None:
    pending = PendingDigests(most_bytes=100 * RECORD_BYTES)
    for slot in range(MOST_OF_ACTION + 5):
        pending.add(("vim", "action"), record_of(slot, []))
    assert pending.dropped == 5
    for number in range(60):
        pending.add((f"vim-{number}", "action"), record_of(1, []))
    assert (len(pending), pending.dropped) == (41, 25)

    batch = pending.take(1000)
    pending.put_back(batch)

    assert len(batch["vim", "action"]) == MOST_OF_ACTION * RECORD_BYTES
    assert (len(pending), pending.dropped) == (41, 25)
    assert pending.take(1000) == batch


def test_what_an_action_did_before_and_after_a_handover_is_one_digest_of_its_minute() -> None:
    pending = PendingDigests()
    pending.add(("vim", "action"), record_of(6, [0.25]))
    pending.add(("vim", "action"), record_of(7, [0.25, 0.5]))
    pending.add(("vim", "action"), record_of(7, [0.125], failed=1, lost=3))

    [records] = pending.take(1000).values()

    assert is_consistent(records)
    [_, digest] = digests_of(records)
    assert (digest.slot, digest.rounds, digest.answered, digest.lost) == (7, 4, 3, 3)
    assert (digest.min_s, digest.max_s, digest.sum_s) == (0.125, 0.5, 0.875)
