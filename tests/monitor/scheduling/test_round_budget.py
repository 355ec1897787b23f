from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from tests.support.clouds.targets import FakeApi
from tests.support.probers.actions import action
from tests.support.probers.loopback_rules import loopback_settings
from tests.support.probers.verdicts import Verdicts
from vimesh.domain.vims import Status
from vimesh.monitor.host.build_host import hosting
from vimesh.monitor.scheduling.round_budget import RoundBudget


def test_intervals_are_as_asked_for_up_to_the_bound() -> None:
    pace = RoundBudget(rounds_per_s=10)
    for _ in range(100):
        pace.join(10)

    assert pace.stretch == pytest.approx(1)


def test_above_the_bound_all_are_stretched_alike_until_enough_have_gone() -> None:
    pace = RoundBudget(rounds_per_s=10)
    with capture_logs() as logs:
        for _ in range(200):
            pace.join(10)
        assert pace.stretch == pytest.approx(2)

        for _ in range(150):
            pace.leave(10)

    assert pace.stretch == 1
    assert [line["log_level"] for line in logs] == ["warning", "info"]


async def test_a_host_begins_no_more_rounds_than_it_may(api: FakeApi, verdicts: Verdicts) -> None:
    with hosting(verdicts.note, loopback_settings(rounds_per_s=2)) as host:
        for number in range(5):  # ask for 10 a second
            host.start(action(api.url, vim_id=f"vim-{number}"))
        await api.asked(5)
        clock = asyncio.get_running_loop().time
        begun_at = clock()
        await api.asked(5 + 8)
        assert clock() - begun_at >= 3

    assert {verdict.status for verdict in verdicts.all} == {Status.REACHABLE}
