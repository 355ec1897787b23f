"""Where RabbitMQ is, as oslo.messaging writes it: rabbit://user:password@host:5672,user:password@host2:5672/vhost."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

SCHEMES = ("rabbit", "kombu+rabbit")
DEFAULT_PORT = 5672
EXAMPLE = "rabbit://user:password@host:5672/"
SETTING = "--transport-url"
_QUERY = ("ssl", "ssl_ca_file")
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
    """At least one; whichever answers will do."""
    virtual_host: str = "/"
    tls: bool = False
    ca_file: str = ""
    """Who signs the certificates of the nodes; empty: whom the machine trusts."""

    @property
    def places(self) -> str:
        """Say where that is, without the password."""
        return ",".join(f"{node.host}:{node.port}" for node in self.nodes)


def transport_url(text: str) -> TransportUrl:
    """Read one. Raises ValueError, which never repeats what was written: that holds a password."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(f"must be like {EXAMPLE}; {_ENCODE}") from None
    if parts.scheme == "amqp":
        raise ValueError(f"amqp:// means AMQP 1.0 to oslo.messaging; write {EXAMPLE}")
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise ValueError(f"must be like {EXAMPLE}")
    if what := _oddity(text, parts):
        raise ValueError(f"{what}: {_ENCODE}")
    query = dict(parse_qsl(parts.query))
    for key in query:
        if key not in _QUERY:
            raise ValueError(f"the option {key!r} is not known; known are {', '.join(_QUERY)}")
    return TransportUrl(
        nodes=tuple(_node(each) for each in parts.netloc.split(",")),
        virtual_host=unquote(parts.path[1:]) or "/",
        tls=query.get("ssl", "").lower() in ("1", "true", "yes", "on"),
        ca_file=query.get("ssl_ca_file", ""),
    )


def _oddity(text: str, parts: SplitResult) -> str:
    """Say what looks like a password with characters that end it, without repeating anything; empty if nothing does."""
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
        what = "a port must be a number from 1 to 65535, an IPv6 address stand in brackets"
        raise ValueError(f"{what}; {_ENCODE}") from None
    if not host or port == 0:
        raise ValueError(f"must name a host, like {EXAMPLE}")
    return host, port or DEFAULT_PORT
