"""Lists all kinds of hostile VIMs, and the addresses of each kind."""

from __future__ import annotations

import ipaddress

from tests.support.hostile.hostile_http import HTTP_KINDS
from tests.support.hostile.hostile_names import NAME_KINDS
from tests.support.hostile.hostile_pings import PING_KINDS
from tests.support.hostile.hostile_servers import Kind
from tests.support.hostile.hostile_tls import TLS_KINDS

KINDS = {kind.name: kind for kind in (*HTTP_KINDS, *TLS_KINDS, *PING_KINDS, *NAME_KINDS)}
_FIRST_BLOCK = 16
"""127.16.0.0/16 belongs to the first kind; addresses below have other uses."""


def network_of(kind: Kind) -> ipaddress.IPv4Network:
    """Return the addresses of the VIMs of a kind: kinds do not share addresses."""
    block = _FIRST_BLOCK + list(KINDS).index(kind.name)
    return ipaddress.IPv4Network(f"127.{block}.0.0/16")


def address_of(kind: Kind, number: int) -> str:
    return str(network_of(kind).network_address + number)


def url_of(kind: Kind, number: int, port: int) -> str:
    """Return the auth_url of one VIM, numbered from 1."""
    host = f"h{number}.{kind.zone}" if kind.zone else address_of(kind, number)
    return f"{kind.scheme}://{host}:{port}/"
