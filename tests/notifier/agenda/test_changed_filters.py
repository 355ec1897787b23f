"""What is told of VIMs of which the log does not speak: the filter was changed, or changes were missed."""

from __future__ import annotations

from collections import Counter

from tests.notifier.agenda.simulated_world import World, settings, vim_id


def test_a_filter_that_people_have_narrowed_ends_the_problems_that_it_does_not_select() -> None:
    world = World(settings(repeat_interval_s=600.0))
    for number in (1, 2, 3):
        world.dark(number)
    world.run(10.0)
    world.start_maintenance(3)
    world.run(10.0)
    for number in (1, 3):
        world.vims[vim_id(number)].selected = False
    world.crash()  # the work begins anew when a receiver is changed
    world.run(100.0)

    assert world.kinds(1) == ["PROBLEM", "RESOLVED"]
    assert world.changes(1)[1].reason == "FILTERED_OUT"
    assert world.kinds(2) == world.kinds(3) == ["PROBLEM"]
    world.vims[vim_id(3)].in_maintenance = False
    world.run(1000.0)
    assert world.kinds(3) == ["PROBLEM", "RESOLVED"]
    assert list(world.notices) == [vim_id(2)]


def test_a_problem_that_was_left_out_and_is_not_selected_any_more_is_never_told() -> None:
    world = World(settings())
    world.start_maintenance(1)
    world.dark(1)
    world.run(30.0)
    vim = world.vims[vim_id(1)]
    vim.selected = False
    world.crash()
    world.run(30.0)
    vim.in_maintenance = False
    world.run(30.0)

    assert not world.receipts
    assert not world.notices


def test_a_vim_that_was_deregistered_when_the_filter_did_not_select_it_any_more_ends_its_problem() -> None:
    """The log says nothing of it to those who watch with the new filter."""
    world = World(settings())
    world.dark(1)
    world.dark(2)
    world.run(10.0)
    del world.vims[vim_id(1)]
    world.crash()
    world.run(30.0)
    assert world.kinds(1) == ["PROBLEM"]
    world.run(100.0)

    assert world.kinds(1) == ["PROBLEM", "RESOLVED"]
    assert world.changes(1)[1].reason == "DEREGISTERED"
    assert world.kinds(2) == ["PROBLEM"]
    assert list(world.notices) == [vim_id(2)]


def test_with_changes_missed_a_vim_that_is_not_selected_any_more_ends_its_problem_after_its_maintenance() -> None:
    world = World(settings())
    world.dark(1)
    world.dark(3)
    world.run(10.0)
    world.start_maintenance(1)
    world.run(10.0)
    vim = world.vims[vim_id(1)]
    vim.selected = world.vims[vim_id(3)].selected = False
    world.crash()
    world.dark(2)
    world.oldest = world.newest + 1
    world.run(100.0)
    assert world.kinds(1) == ["PROBLEM"]
    vim.in_maintenance = False
    world.run(1000.0)

    assert world.kinds(1) == ["PROBLEM", "RESOLVED"]
    assert world.kinds(3) == ["PROBLEM", "RESOLVED"]
    assert world.changes(1)[1].reason == world.changes(3)[1].reason == "FILTERED_OUT"


def test_missed_changes_are_made_up_for_by_what_is_true() -> None:
    world = World(settings())
    world.dark(1)
    world.dark(2)
    world.dark(5)
    world.run(10.0)
    world.crash()
    world.well(1)
    world.dark(3)
    world.dark(4)
    world.well(4)
    world.deregister(5)
    world.oldest = world.newest + 1
    world.run(200.0)

    assert world.kinds(1) == ["PROBLEM", "RESOLVED"]
    assert world.kinds(2) == ["PROBLEM"]
    assert world.kinds(3) == ["PROBLEM"]
    assert not world.kinds(4)
    assert world.kinds(5) == ["PROBLEM", "RESOLVED"]
    assert world.changes(5)[1].vim_name == "vim-5"
    assert world.revision == world.newest


def test_many_missed_changes_are_made_up_for_in_slices_between_which_steps_are_taken() -> None:
    world = World(settings(group_wait_s=0.0, group_interval_s=1.0))
    for number in range(3_000):
        world.dark(number)
    world.run(10.0)
    world.crash()
    for number in range(1_500):
        world.deregister(number)
    for number in range(1_500, 3_000):
        world.well(number)
    for number in range(3_000, 5_000):
        world.well(number)
    world.oldest = world.newest + 1
    revision = world.revision
    world.watch()

    assert 6 <= world.slices < 10  # the 2,000 that were well all the time are not compared
    assert world.revision == revision
    world.run(200.0)
    told = Counter((one.vim_id, str(one.kind)) for receipt in world.receipts for one in receipt.notification.changes)
    assert told == {(vim_id(number), kind): 1 for number in range(3_000) for kind in ("PROBLEM", "RESOLVED")}
    assert not world.notices
