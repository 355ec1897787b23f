"""A measurement that cannot fail says nothing: these fail when they should."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.harness.failure import NotMeasured
from benchmarks.probes.steady import Steady, pinging_hosts
from benchmarks.probes.targets import Targets, from_json, to_json, vim_id
from tests.support.networks.namespaces import Namespace, namespace
from tests.support.networks.requiring import require_namespaces
from vimesh.domain.probing import Method

_PINGS = Targets(Method.PING, 50, interval_s=0.5)


@pytest.fixture
def inside() -> Generator[Namespace]:
    require_namespaces()
    with namespace() as made:
        yield made


@pytest.mark.parametrize("ipv6", [False, True])
def test_each_vim_has_an_id_and_an_address_of_its_own(ipv6: bool) -> None:
    targets = Targets(Method.PING, 100_000, interval_s=10, ipv6=ipv6)

    assert len({targets.address(number) for number in range(targets.count)}) == targets.count
    assert len({vim_id(number) for number in range(targets.count)}) == targets.count


def test_targets_reach_the_process_under_test_as_they_are() -> None:
    targets = Targets(Method.HTTP, 5, interval_s=0.5, scheme="https", port=8443)

    assert from_json(to_json(targets)) == targets


@pytest.fixture
async def steady(inside: Namespace, tmp_path: Path) -> AsyncGenerator[Steady]:
    async with pinging_hosts(inside, tmp_path, [_PINGS]) as (host,):
        yield host


async def test_a_turn_counts_the_probes_of_healthy_vims(steady: Steady) -> None:
    sample = await steady.turn(1.0)

    assert sample["probes_per_s"] == pytest.approx(_PINGS.rate, rel=0.6)
    assert sample["cpu_us"] > sample["kernel_us"] > 0


async def test_a_turn_in_which_a_ping_stays_without_an_answer_is_no_measurement(
    inside: Namespace, steady: Steady
) -> None:
    inside.drop([_PINGS.address(7)])

    with pytest.raises(NotMeasured, match="without an answer"):
        await steady.turn(1.0)


async def test_a_turn_at_another_pace_is_no_measurement(steady: Steady) -> None:
    expected = replace(steady, targets=replace(_PINGS, interval_s=0.1))

    with pytest.raises(NotMeasured, match="are due"):
        await expected.turn(1.0)
