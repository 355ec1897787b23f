"""Runs the machine with the same steps each time, or with others on request."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.model.conductors import two_seats
from tests.simulation.model.machine import Protocol
from vimesh.store.sql_store import SqlStore

EXAMPLES = "VIMESH_TEST_EXAMPLES"
"""Environment variable: the number of examples, with different ones each time."""
LIMIT_S = 3600 if os.environ.get(EXAMPLES) else 300
"""Maximum time for exploring."""
_STEPS = 30


@dataclass
class Explored:
    examples: int = 0


def healthy(examples: int) -> settings:
    """This many examples, always the same; or as many others as the environment states, with a failing one shrunk."""
    asked = os.environ.get(EXAMPLES)
    if not asked:
        return repeated(examples)
    return settings(
        _PLAIN, max_examples=int(asked), derandomize=False, phases=(Phase.reuse, Phase.generate, Phase.shrink)
    )


def repeated(examples: int) -> settings:
    """At most this many examples, always the same, up to the first failure, which is not shrunk: that takes minutes."""
    return settings(_PLAIN, max_examples=examples, derandomize=True, phases=(Phase.generate,))


_PLAIN = settings(
    deadline=None,
    stateful_step_count=_STEPS,
    report_multiple_bugs=False,
    print_blob=True,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
)


async def explore(database_url: str, how: settings, explored: Explored, kind: type[SqlStore] = SqlStore) -> None:
    """Let things happen to two conductors on a database that has its tables. Raises the first failure."""
    async with two_seats(database_url, kind) as seats:
        loop = asyncio.get_running_loop()

        def machine() -> Protocol:
            explored.examples += 1
            return Protocol(seats, loop)

        # Hypothesis waits for each step in its own thread; this loop continues.
        explore_with: Any = (
            run_state_machine_as_test  # a function that makes machines is enough, though its types ask for a class
        )
        await asyncio.to_thread(explore_with, machine, settings=how)
