"""Keeps notifications from addresses that they must not be sent to (SSRF). Every socket of a sender is opened here."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Container
from functools import cached_property
from ipaddress import ip_address

import aiodns

from vimesh.target_rules.target_rules import TargetRules

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
_LOOKUP_LIMIT_S = 5.0


class TargetDenied(OSError):
    """The rules of targets forbid to connect to an address. The text names the rule, not the address."""


class NameLookupFailed(OSError):
    """A host name has no address that is known now."""


def reason_of(error: Exception) -> str:
    """Return why a connection failed, for people. It names no address: what a name means may be nobody's business."""
    if isinstance(error, NameLookupFailed):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be verified ({error.verify_message})"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.errno:
        return os.strerror(error.errno)
    return reason_of(error.__cause__) if isinstance(error.__cause__, OSError) else type(error).__name__


class TargetGuard:
    """Judges the very address that a socket is about to use: what a name meant before does not matter.

    Names are looked up without threads: a name server that is silent for one receiver must not delay the others.
    """

    def __init__(
        self, rules: TargetRules, fleet: Container[bytes], *, name_servers: tuple[str, ...] = (), name_port: int = 53
    ) -> None:
        """`fleet`: the packed addresses of the fleet itself. `name_servers`: instead of those of the system."""
        self._rules = rules
        self._fleet = fleet
        self._name_servers = name_servers
        self._name_port = name_port
        self._resolver: aiodns.DNSResolver | None = None

    def tls_context(self, authorities: str = "") -> ssl.SSLContext:
        """Return what verifies certificates and names: with these authorities in PEM, or else with those of the system.

        Raises ssl.SSLError if the authorities cannot be read.
        """
        return ssl.create_default_context(cadata=authorities) if authorities else self._system_context

    @cached_property
    def _system_context(self) -> ssl.SSLContext:
        """One for all: it takes 20 ms to make."""
        return ssl.create_default_context()

    def check(self, host: str) -> None:
        """Judge an IP address. Raises TargetDenied, or OSError if the fleet's own addresses cannot be read."""
        denial = self._rules.denial(ip_address(host.partition("%")[0]).packed, self._fleet)
        if denial is not None:
            raise TargetDenied(denial)

    def open_socket(self, family: int, address: SocketAddress) -> socket.socket:
        """Open a socket that is about to be connected to an address. Raises TargetDenied."""
        self.check(address[0])
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setblocking(False)
        return opened

    async def look_up(self, host: str, port: int) -> list[tuple[int, SocketAddress]]:
        """Return the addresses of a host that may be connected to, each with its family.

        Raises TargetDenied if there are none but others, and OSError if the name cannot be looked up.
        """
        allowed = []
        denied = None
        for family, address in await self._addresses(host, port):
            try:
                self.check(address[0])
            except TargetDenied as error:
                denied = error
            else:
                allowed.append((family, address))
        if denied is not None and not allowed:
            raise denied
        return allowed

    async def connect(self, host: str, port: int) -> socket.socket:
        """Connect to the first address of a host that answers. Raises TargetDenied and OSError."""
        failure: OSError = NameLookupFailed("the name has no address")
        for family, address in await self.look_up(host, port):
            opened = self.open_socket(family, address)
            try:
                await asyncio.get_running_loop().sock_connect(opened, address)
            except OSError as error:
                opened.close()
                failure = error
            except BaseException:
                opened.close()
                raise
            else:
                return opened
        raise failure

    async def close(self) -> None:
        if self._resolver is not None:
            await self._resolver.close()
            self._resolver = None

    async def _addresses(self, host: str, port: int) -> list[tuple[int, SocketAddress]]:
        try:
            version = ip_address(host.partition("%")[0]).version
        except ValueError:
            return await self._ask(host, port)
        return [(socket.AF_INET, (host, port)) if version == 4 else (socket.AF_INET6, (host, port, 0, 0))]

    async def _ask(self, name: str, port: int) -> list[tuple[int, SocketAddress]]:
        if self._resolver is None:
            servers = list(self._name_servers) or None
            self._resolver = aiodns.DNSResolver(servers, udp_port=self._name_port, tcp_port=self._name_port)
        try:
            async with asyncio.timeout(_LOOKUP_LIMIT_S):
                answer = await self._resolver.getaddrinfo(name, port=port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise NameLookupFailed(f"no name server answered within {_LOOKUP_LIMIT_S:g} s") from None
        except aiodns.error.DNSError as error:
            raise NameLookupFailed(f"the name cannot be looked up: {error.args[-1]}") from error
        return [(node.family, _decoded(node.addr)) for node in answer.nodes]


def _decoded(address: tuple[bytes, int] | tuple[bytes, int, int, int]) -> SocketAddress:
    host, *numbers = address
    text = host.decode("ascii")
    return (text, numbers[0]) if len(numbers) == 1 else (text, numbers[0], numbers[1], numbers[2])
