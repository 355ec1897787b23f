"""Parses the addresses of database servers."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class ServerAddress:
    host: str
    """A host name, an IP address without brackets, or the path of a Unix socket or of its folder."""
    port: int | None = None
    """None: the default port of the server."""

    @property
    def is_socket(self) -> bool:
        return self.host.startswith("/")

    def __str__(self) -> str:
        if self.is_socket or self.port is None:
            return self.host
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address_of(text: str, default_port: int) -> ServerAddress:
    """Read `host`, `host:port`, `[IPv6]:port` or a path, percent-encoded or not.

    Raises ValueError, which never repeats any of the text.
    """
    host, port = (text, "") if text.startswith("/") else _split(text)
    host = unquote(host)
    if not host:
        raise ValueError("a host is empty")
    if "@" in host:
        raise ValueError("an @ in the user name or the password must be written as %40")
    return ServerAddress(host, port_of(port) if port else default_port)


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError("an IPv6 address must be written as [address]:port")
        return host, rest[1:]
    if text.count(":") > 1:
        raise ValueError("an IPv6 address must be written as [address]:port; a : in the password as %3A")
    host, _, port = text.partition(":")
    return host, port


def port_of(text: str) -> int:
    """Read a port. Raises ValueError, which never repeats any of the text."""
    if text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535:
        return int(text)
    raise ValueError("a port must be a number from 1 to 65535")
