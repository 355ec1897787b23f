"""Defines the answers about a name: those of name servers for each family, and the outcome that callers get."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from vimesh.monitor.net.ip_addresses import IpHost

MAX_ADDRESSES = 32
"""Addresses kept per name: a hostile zone must not make us probe thousands."""
FAMILIES = (int(socket.AF_INET6), int(socket.AF_INET))
"""In the order in which their addresses take turns (RFC 8305)."""

Hosts = tuple[IpHost, ...]


@dataclass(frozen=True, slots=True)
class NameAddresses:
    """The name has addresses of the family."""

    hosts: Hosts
    ttl_s: float | None
    """How long they may be kept; None if they are from the hosts file."""
    costly: bool = False
    """There were more addresses than are kept: reading thousands of them takes some 40 ms of CPU."""


@dataclass(frozen=True, slots=True)
class Empty:
    """The name has no address of the family: a definite answer."""

    detail: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """No definite answer could be obtained."""

    detail: str
    silent: bool = False
    """No answer came in time."""


FamilyAnswer = NameAddresses | Empty | Trouble
OnAnswer = Callable[[int, FamilyAnswer], None]
"""Receives a family and the answer for it."""
LookUp = Callable[[str, OnAnswer], None]
"""Asks for both families of a name. Calls `OnAnswer` once for each, in the loop, after this call has returned."""


@dataclass(frozen=True, slots=True)
class NoSuchName:
    """The name has no address of either family: a definite answer."""

    detail: str


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """It is unknown which addresses the name has."""

    detail: str


Outcome = Hosts | NoSuchName | LookupFailed


def host_from_answer(family: int, ip: str, scope: int = 0) -> IpHost:
    """Return the host of an address; an IPv4-mapped IPv6 address becomes an IPv4 address."""
    if family == socket.AF_INET6 and ip.startswith("::ffff:") and "." in ip:
        return IpHost(socket.AF_INET, ip.removeprefix("::ffff:"))
    return IpHost(family, ip, scope)


def first_distinct(hosts: Iterable[IpHost]) -> Hosts:
    """Return the first MAX_ADDRESSES distinct hosts, and read no more of `hosts` than that takes."""
    different: dict[IpHost, None] = {}
    for host in hosts:
        different[host] = None
        if len(different) == MAX_ADDRESSES:
            break
    return tuple(different)


def interleave(first: Hosts, second: Hosts) -> Hosts:
    """Alternate between the families (RFC 8305), and keep at most MAX_ADDRESSES of both together."""
    turns = chain.from_iterable(zip_longest(first, second))
    return tuple(islice(dict.fromkeys(host for host in turns if host is not None), MAX_ADDRESSES))
