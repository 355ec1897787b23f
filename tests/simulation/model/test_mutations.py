"""The model finds what is missing: it fails on each broken variant of the conductors."""

from __future__ import annotations

import os

import pytest

from tests.simulation.model.broken import Broken
from tests.simulation.model.exploring import Explored, explore, repeated
from tests.simulation.model.mutations import MUTATIONS, Mutation

ALL = os.environ.get("VIMESH_TEST_MUTATIONS") == "all"
# One for each part of the protocol, of those that are found soon: all of them take more than a minute.
_ALWAYS = {
    "no_check_of_the_action_id",
    "no_check_of_the_observation",
    "answered_without_a_commit",
    "judged_by_a_stale_read",
    "a_new_target_keeps_its_action",
    "a_sweep_takes_the_living",
    "readers_do_not_see_a_silence",
    "a_resumed_watch_repeats",
}
CHOSEN = [mutation for mutation in MUTATIONS if ALL or mutation.name in _ALWAYS]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("mutation", CHOSEN, ids=lambda mutation: mutation.name)
async def test_a_conductor_that_lacks_a_part_of_the_protocol_is_found_out(
    mutation: Mutation, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    explored = Explored()
    mutation.apply(monkeypatch)

    with pytest.raises(Broken) as found:
        await explore(database_url, repeated(500), explored, mutation.kind)

    print(f"{mutation.name}: {found.value} after {explored.examples - 1} examples")
    assert found.value.guarantee in mutation.guarantees
