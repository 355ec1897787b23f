"""What a receiver is told that groups by cause: one fault, one notification, however long it takes to be noticed."""

from __future__ import annotations

from tests.notifier.agenda.simulated_world import Receipt, World, settings, vim_id

_ROUTER, _PROXY = "NETWORK 192.0.2.0/24", "LABEL proxy=p1"
_WAIT_S = 15.0


def world_by_cause(**changes: object) -> World:
    return World(settings(group_by=("cause",), group_wait_s=_WAIT_S, **changes))


def numbers(receipt: Receipt) -> list[int]:
    return sorted(int(change.vim_name.removeprefix("vim-")) for change in receipt.notification.changes)


def lose(world: World, vims: range, over_s: float) -> None:
    """Lose VIMs one after the other, for different reasons."""
    for number in vims:
        world.dark(number, "TIMEOUT" if number % 2 else "HOST_UNREACHABLE")
        world.run(over_s / len(vims))


def name_cause(world: World, vims: range, cause: str) -> None:
    for number in vims:
        world.vims[vim_id(number)].cause = cause


def test_one_fault_is_one_notification() -> None:
    world = world_by_cause()
    lose(world, range(1, 31), 10.0)
    world.run(2.0)
    name_cause(world, range(1, 31), _ROUTER)
    world.run(300.0)

    [receipt] = world.receipts
    assert numbers(receipt) == list(range(1, 31))
    assert receipt.notification.group == {"cause": _ROUTER}


def test_two_faults_and_single_outages_are_three_notifications() -> None:
    world = world_by_cause()
    lose(world, range(1, 41), 8.0)
    name_cause(world, range(1, 21), _ROUTER)
    name_cause(world, range(21, 36), _PROXY)
    world.run(300.0)

    told = {receipt.notification.group["cause"]: numbers(receipt) for receipt in world.receipts}
    assert len(world.receipts) == 3
    assert told == {_ROUTER: list(range(1, 21)), _PROXY: list(range(21, 36)), "": list(range(36, 41))}


def test_a_single_outage_is_told_as_soon_as_without_causes() -> None:
    world = world_by_cause()
    world.run(50.0)
    begun = world.now
    world.dark(1)
    world.run(60.0)

    [receipt] = world.receipts
    assert receipt.time == begun + _WAIT_S


def test_more_vims_than_are_looked_up_at_once_are_one_notification() -> None:
    world = world_by_cause()
    for number in range(1, 5001):
        world.dark(number)
    name_cause(world, range(1, 5001), _ROUTER)
    world.run(60.0)

    assert [len(receipt.notification.changes) for receipt in world.receipts] == [5000]


def test_the_end_of_a_fault_goes_where_its_beginning_went() -> None:
    world = world_by_cause()
    lose(world, range(1, 6), 1.0)
    name_cause(world, range(1, 6), _ROUTER)
    world.run(100.0)
    for number in range(1, 6):
        world.well(number)
    name_cause(world, range(1, 6), "")
    world.run(100.0)

    assert [receipt.notification.group["cause"] for receipt in world.receipts] == [_ROUTER, _ROUTER]
    assert [receipt.notification.resolved_count for receipt in world.receipts] == [0, 5]


def test_vims_that_are_lost_one_after_the_other_are_all_told() -> None:
    world = world_by_cause()
    for number in range(1, 201):
        world.dark(number)
        world.run(0.25)
    world.run(_WAIT_S + 100)

    assert sorted(number for receipt in world.receipts for number in numbers(receipt)) == list(range(1, 201))
