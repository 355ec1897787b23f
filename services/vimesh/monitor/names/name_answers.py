"""What can be said about a name: of each family by a name server, and of both together to those who asked."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain, islice, zip_longest

from vimesh.monitor.net.ip_addresses import IpHost

MAX_ADDRESSES = 32
"""So many of a name are kept. A hostile zone must not make us probe thousands."""
FAMILIES = (int(socket.AF_INET6), int(socket.AF_INET))
"""In the order in which their addresses take turns (RFC 8305)."""

Hosts = tuple[IpHost, ...]


@dataclass(frozen=True, slots=True)
class NameAddresses:
    """The name has addresses of the family."""

    hosts: Hosts
    ttl_s: float | None
    """For how long they may be kept; None: no name server said so, they stand in the hosts file."""
    costly: bool = False
    """There were more addresses than are kept: to read thousands of them takes some 40 ms of CPU."""


@dataclass(frozen=True, slots=True)
class Empty:
    """The name has no address of the family, says a name server that knows."""

    detail: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """Nobody who knows could be asked."""

    detail: str
    silent: bool = False
    """No answer came in time."""


FamilyAnswer = NameAddresses | Empty | Trouble
Tell = Callable[[int, FamilyAnswer], None]
"""Takes a family and what was said of it."""
LookUp = Callable[[str, Tell], None]
"""Asks for both families of a name. Each is told once, in the loop, and not before the call has returned."""


@dataclass(frozen=True, slots=True)
class NoSuchName:
    """Of either family, a name server that knows says that the name has no address."""

    detail: str


@dataclass(frozen=True, slots=True)
class LookupFailed:
    """It is not known which addresses the name has."""

    detail: str


Outcome = Hosts | NoSuchName | LookupFailed


def host_from_answer(family: int, ip: str, scope: int = 0) -> IpHost:
    """Return the host of an address; an IPv4 address that is written as IPv6 is one of IPv4."""
    if family == socket.AF_INET6 and ip.startswith("::ffff:") and "." in ip:
        return IpHost(socket.AF_INET, ip.removeprefix("::ffff:"))
    return IpHost(family, ip, scope)


def first_different(hosts: Iterable[IpHost]) -> Hosts:
    """Return the first MAX_ADDRESSES different hosts, and look at no more than are needed for them."""
    different: dict[IpHost, None] = {}
    for host in hosts:
        different[host] = None
        if len(different) == MAX_ADDRESSES:
            break
    return tuple(different)


def interleave(first: Hosts, second: Hosts) -> Hosts:
    """Let the families take turns (RFC 8305), and keep at most MAX_ADDRESSES of both together."""
    turns = chain.from_iterable(zip_longest(first, second))
    return tuple(islice(dict.fromkeys(host for host in turns if host is not None), MAX_ADDRESSES))
