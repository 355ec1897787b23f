from __future__ import annotations

import socket

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.targets.address_route import AddressRoute

A, B, C = (ProbeAddress(socket.AF_INET, (f"10.0.0.{number}", 80)) for number in (1, 2, 3))


def route_of(*addresses: ProbeAddress) -> AddressRoute:
    route = AddressRoute()
    route.begin(addresses)
    return route


def take(route: AddressRoute, count: int) -> list[ProbeAddress]:
    return [route.next(to_answering=False) for _ in range(count)]


def test_a_round_tries_each_address_in_turn() -> None:
    assert take(route_of(A, B, C), 5) == [A, B, C, A, B]


def test_an_answer_is_confirmed_where_it_came_from() -> None:
    route = route_of(A, B, C)
    for number in (1, 2, 3):
        route.record_sent(number, route.next(to_answering=False))
    route.record_answer(2)

    assert [route.next(to_answering=True) for _ in range(2)] == [B, B]
    assert take(route, 1) == [A]


def test_the_next_round_begins_with_the_address_that_answered_in_whatever_order_they_come() -> None:
    route = route_of(A, B)
    route.next(to_answering=False)
    route.record_sent(2, route.next(to_answering=False))
    route.record_answer(2)

    route.begin((A, C, B))

    assert route.preferred == B
    assert take(route, 3) == [B, A, C]


def test_an_address_that_is_dropped_leaves_its_turn_to_the_next() -> None:
    route = route_of(A, B, C)
    assert take(route, 2) == [A, B]

    route.drop(B)

    assert take(route, 3) == [C, A, C]


def test_the_last_address_that_is_dropped_leaves_its_turn_to_the_first() -> None:
    route = route_of(A, B)
    assert take(route, 2) == [A, B]

    route.drop(B)

    assert take(route, 2) == [A, A]


def test_addresses_that_are_new_are_told_from_those_that_were_tried_or_dropped() -> None:
    route = route_of(A, B)
    route.drop(A)

    assert route.untried((C, B, A)) == [C]
