"""Parses oslo.messaging's transport URL: rabbit://user:password@host:5672,user:password@host2:5672/vhost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from vimesh.bridge.config.rabbit_options import RabbitOptions, with_query

SCHEMES = ("rabbit", "kombu+rabbit")
DEFAULT_PORT = 5672
EXAMPLE = "rabbit://user:password@host:5672/"
SETTING = "--transport-url"
_THIS_MACHINE = "localhost"
_ENCODE = "in a user name, password or virtual host, write / as %2F, @ as %40, # as %23, ? as %3F and , as %2C"


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a broker, and how to log in there."""

    host: str
    port: int = DEFAULT_PORT
    user: str = "guest"
    password: str = field(default="guest", repr=False)


@dataclass(frozen=True, slots=True)
class TransportUrl:
    nodes: tuple[Node, ...]
    """At least one; any that answers will do."""
    virtual_host: str = "/"
    query: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    """Options of [oslo_messaging_rabbit], which override those in files."""

    @property
    def places(self) -> str:
        """The nodes as `host:port`, without credentials."""
        return ",".join(f"{node.host}:{node.port}" for node in self.nodes)


def transport_url(text: str) -> TransportUrl:
    """Parse a transport URL. Raises ValueError, which quotes at most an option's name: the URL contains a password."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"must be like {EXAMPLE}; {_ENCODE}") from None
    if parts.scheme == "amqp":
        raise ValueError(f"amqp:// means AMQP 1.0 to oslo.messaging; write {EXAMPLE}")
    if parts.scheme not in SCHEMES or not text.startswith(f"{parts.scheme}://"):
        raise ValueError(f"must be like {EXAMPLE}")
    if what := _oddity(text, parts):
        raise ValueError(f"{what}: {_ENCODE}")
    query = {name: ",".join(values) for name, values in parse_qs(parts.query).items()}
    with_query(RabbitOptions(), query)
    # Without a host, oslo.messaging uses the broker on the local machine.
    hosts = parts.netloc.split(",") if parts.netloc else [_THIS_MACHINE]
    return TransportUrl(
        nodes=tuple(_node(each) for each in hosts if each),
        virtual_host=unquote(parts.path[1:]) or "/",
        query=MappingProxyType(query),
    )


def _oddity(text: str, parts: SplitResult) -> str:
    """Return a sign of an unescaped character in a password, without repeating anything; empty if there is none."""
    if "#" in text:
        return "has a raw #"
    if "@" in parts.path or ("@" in parts.query and "@" not in parts.netloc):
        return "has an @ after the hosts"
    if any(node.count("@") > 1 for node in parts.netloc.split(",")):
        return "has more than one @ for one node"
    return ""


def _node(text: str) -> Node:
    account, at, place = text.rpartition("@")
    user, colon, password = account.partition(":")
    host, port = _host_and_port(place)
    node = Node(host, port)
    if not at:
        return node
    return Node(host, port, unquote(user), unquote(password) if colon else node.password)


def _host_and_port(place: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname, parts.port
    except ValueError:
        what = "a port must be a number from 1 to 65535, and an IPv6 address in brackets"
        raise ValueError(f"{what}; {_ENCODE}") from None
    if not host or port == 0:
        raise ValueError(f"must name a host, like {EXAMPLE}")
    return host, port or DEFAULT_PORT
