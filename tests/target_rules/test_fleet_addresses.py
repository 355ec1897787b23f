from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from structlog.testing import capture_logs

from tests.support.networks.inside import run_inside
from tests.support.networks.namespaces import Namespace
from vimesh.target_rules.fleet_addresses import READ_AGAIN_S, FleetAddresses
from vimesh.target_rules.interface_addresses import interface_addresses


def packed(*addresses: str) -> frozenset[bytes]:
    return frozenset(ip_address(address).packed for address in addresses)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def of_front() -> FleetAddresses:
    return FleetAddresses(clock=Clock(), read=frozenset)


def test_each_address_of_each_interface_is_ours_and_that_of_a_peer_is_not(machine: Namespace) -> None:
    machine.run("ip", "link", "add", "near0", "type", "veth", "peer", "name", "far0")
    for words in (
        ("192.0.2.1/24", "dev", "near0"),
        ("192.0.2.2/24", "dev", "near0"),
        ("192.0.2.3", "peer", "192.0.2.4", "dev", "near0"),
        ("2001:db8::1/64", "dev", "far0"),
        *((f"10.{number >> 8}.{number & 255}.1", "dev", "lo") for number in range(300)),
    ):
        machine.run("ip", "address", "add", *words)

    read = run_inside(machine, interface_addresses)

    several = {ip_address(f"10.{number >> 8}.{number & 255}.1").packed for number in range(300)}
    assert read == {*packed("127.0.0.1", "::1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1"), *several}


def test_addresses_that_the_machine_gets_later_are_noticed() -> None:
    reads: Iterator[frozenset[bytes]] = iter((packed("192.0.2.1"), packed("192.0.2.2")))
    clock = Clock()
    fleet = FleetAddresses(clock=clock, read=lambda: next(reads))
    one, other = ip_address("192.0.2.1").packed, ip_address("192.0.2.2").packed

    assert (one in fleet, other in fleet) == (True, False)
    clock.now = READ_AGAIN_S
    assert (one in fleet, other in fleet) == (False, True)


@pytest.mark.parametrize(
    ("address", "ours"), [("203.0.113.7:7600", "203.0.113.7"), ("[2001:db8::7]:7600", "2001:db8::7")]
)
async def test_the_front_is_ours(address: str, ours: str) -> None:
    fleet = of_front()
    assert ip_address(ours).packed not in fleet

    await fleet.look_up_front(address)

    assert ip_address(ours).packed in fleet


async def test_the_front_may_have_a_name_and_is_remembered_while_it_cannot_be_looked_up() -> None:
    fleet = of_front()
    await fleet.look_up_front("localhost:7600")
    with capture_logs() as logs:
        await fleet.look_up_front("nowhere.invalid:7600")

    assert ip_address("127.0.0.1").packed in fleet
    assert [log["address"] for log in logs] == ["nowhere.invalid:7600"]


async def test_a_front_at_a_socket_has_no_address() -> None:
    fleet = of_front()

    with capture_logs() as logs:
        await fleet.look_up_front("unix:/run/vimesh/front")

    assert not logs
