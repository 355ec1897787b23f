from __future__ import annotations

import socket

import pytest

from vimesh.domain.endpoints import endpoint_of
from vimesh.monitor.net.ip_addresses import IpHost, fixed_host

LO = socket.if_nametoindex("lo")


@pytest.mark.parametrize(
    ("zone", "scope"),
    [
        ("%25lo", LO),
        ("%lo", LO),
        (f"%25{LO}", LO),
        (f"%{LO}", LO),
        ("%25gone0", 0),
        ("%254294967295", 2**32 - 1),
        ("%254294967296", 0),
        ("", 0),
    ],
)
def test_a_zone_is_the_interface_that_has_the_name_or_number_now(zone: str, scope: int) -> None:
    endpoint = endpoint_of(f"http://[fe80::1{zone}]:5000/")

    assert fixed_host(endpoint) == IpHost(socket.AF_INET6, "fe80::1", scope)
