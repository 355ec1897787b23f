"""Parses an auth_url into what to probe: its host, port and path."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

from vimesh.domain.credential_masks import mask_text

_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 952 and 1123, with the underscores that real DNS names carry. A label never starts or ends with a hyphen.
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\x9f]")
_PLAIN_URL = re.compile(r"https?://[^@?#]+\Z")
"""A URL without anything that could be a secret, as most are; what `urlunsplit` would put together again."""
MAX_URL_LENGTH = 2048


class AuthUrlInvalid(ValueError):
    """The text is not an http(s) URL that names a host. The message states what is wrong."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    scheme: str
    """`http` or `https`."""
    host: str
    """A host name in lower case, or an IP address without brackets, with its zone if it has one: `fe80::1%eth0`."""
    port: int
    path: str
    """Path and query, as they go into a GET request."""

    @property
    def address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The host as an address; None if it is a name that must be resolved."""
        return _ip(self.host)

    @property
    def authority(self) -> str:
        """The value of the Host header: without the zone, which means nothing to other machines (RFC 6874)."""
        host = f"[{self.host.partition('%')[0]}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def endpoint_of(auth_url: str) -> Endpoint:
    """Parse an auth_url. Raises AuthUrlInvalid."""
    parts, host = _split(auth_url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(parts.scheme, host, parts.port or _DEFAULT_PORTS[parts.scheme], path)


def without_credentials(auth_url: str) -> str:
    """Return the URL without `user:password@` and `#fragment`, its secret parameters masked. Raises AuthUrlInvalid."""
    parts, _ = _split(auth_url)
    if _PLAIN_URL.match(auth_url):
        return auth_url
    query = mask_text(f"?{parts.query}")[1:]
    clean = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment=""))
    if len(clean) > MAX_URL_LENGTH:
        raise AuthUrlInvalid(f"longer than {MAX_URL_LENGTH} characters with its secrets masked")
    return clean


def _split(auth_url: str) -> tuple[SplitResult, str]:
    if len(auth_url) > MAX_URL_LENGTH:
        raise AuthUrlInvalid(f"longer than {MAX_URL_LENGTH} characters")
    # urlsplit drops tabs and newlines silently; a URL that contains any is a mistake.
    if _UNPRINTABLE.search(auth_url):
        raise AuthUrlInvalid("holds blanks or control characters")
    if not auth_url.isascii():
        raise AuthUrlInvalid("holds characters outside ASCII; write the host in punycode and escape the path")
    try:
        parts = urlsplit(auth_url)
        port = parts.port
    except ValueError:
        # Without the cause: it quotes what stands behind a colon, which is a password if an `@` or a slash is missing.
        raise AuthUrlInvalid("has a port that is no number up to 65535, or brackets that are no IPv6 address") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise AuthUrlInvalid("must start with http:// or https://")
    if port == 0:
        raise AuthUrlInvalid("port 0 cannot be reached")
    if "\\" in parts.netloc:
        raise AuthUrlInvalid("holds a backslash in the host")
    host = _with_plain_zone(parts.hostname or "")
    if not host:
        raise AuthUrlInvalid("has no host")
    if not _is_ip(host):
        _check_name(host, bracketed="[" in parts.netloc)
    return parts, host


def _with_plain_zone(host: str) -> str:
    """Return the host with its zone as the system writes it: `%25eth0` (RFC 6874) means `%eth0`."""
    ip, percent, zone = host.partition("%")
    if not percent:
        return host
    # A zone of just `25` is the interface with that number, not an escaped percent sign.
    zone = zone if zone == "25" else zone.removeprefix("25")
    return f"{ip}%{zone}"


def _check_name(host: str, *, bracketed: bool) -> None:
    labels = host.removesuffix(".").split(".")
    if bracketed or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise AuthUrlInvalid(f"{host!r} is neither a host name nor an IP address")
    # 10.0.0.256 or 127.1: the C library would guess an address where the user made a typing error.
    if labels[-1].isdigit():
        raise AuthUrlInvalid(f"{host!r} is not an IP address")


def _is_ip(host: str) -> bool:
    try:
        # Takes a tenth of the time of creating an address object.
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return ":" in host and _ip(host) is not None
    return True


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
