"""What is not told, because of maintenance or flapping, and what is told afterwards."""

from __future__ import annotations

from tests.notifier.agenda.simulated_world import World, settings, vim_id


def test_nothing_is_told_in_maintenance_and_afterwards_once_what_is_true() -> None:
    world = World(settings())
    world.dark(3)
    world.run(100.0)
    for number in (1, 2, 3, 4):
        world.start_maintenance(number)
    for _ in range(3):
        for number in (1, 2):
            world.dark(number)
        world.run(40.0)
        world.well(2)
        world.well(3)
        world.run(40.0)
        world.well(1)
    world.dark(1)
    world.run(100.0)
    assert len(world.receipts) == 1
    for number in (1, 2, 3, 4):
        world.end_maintenance(number)
    world.run(100.0)

    assert world.kinds(1) == ["PROBLEM"]
    assert not world.kinds(2)
    assert world.kinds(3) == ["PROBLEM", "RESOLVED"]
    assert world.changes(1)[0].since == world.changes(1)[0].time


def test_a_vim_that_flaps_is_told_of_when_it_does_not_any_more() -> None:
    quiet, loud = World(settings()), World(settings(notify_flapping=True))
    for world in (quiet, loud):
        world.dark(1)
        world.vims[vim_id(1)].flapping = True
        world.run(20.0)
        world.well(1)
        world.dark(1)
        world.run(20.0)
        world.vims[vim_id(1)].flapping = False
        world.run(60.0)

    assert quiet.kinds(1) == ["PROBLEM"]
    assert loud.kinds(1)[0] == "PROBLEM"
    assert loud.receipts[0].time < quiet.receipts[0].time


def test_a_reminder_does_not_tell_of_maintenance() -> None:
    world = World(settings(repeat_interval_s=60.0))
    world.dark(1)
    world.run(10.0)
    world.start_maintenance(1)
    world.run(500.0)
    assert world.kinds(1) == ["PROBLEM"]
    world.end_maintenance(1)
    world.run(70.0)

    assert world.kinds(1)[:2] == ["PROBLEM", "REMINDER"]


def test_a_filter_that_is_left_in_maintenance_ends_the_problem_afterwards() -> None:
    world = World(settings())
    world.dark(1)
    world.run(10.0)
    world.start_maintenance(1)
    world.filter_out(1)
    world.run(200.0)
    assert world.kinds(1) == ["PROBLEM"]
    world.vims[vim_id(1)].in_maintenance = False
    world.run(30.0)

    assert world.kinds(1) == ["PROBLEM", "RESOLVED"]
