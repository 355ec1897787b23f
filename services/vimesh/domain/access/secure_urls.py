"""Judges URLs whose answers are believed: beyond this machine, only TLS proves who answers."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

_PRINTABLE = re.compile(r"[!-~]{1,1024}", re.ASCII)


def secure_url(text: str) -> SplitResult:
    """Parse an https URL, or an http URL of a loopback address, without user and password. Raises ValueError."""
    if not _PRINTABLE.fullmatch(text):
        raise ValueError("must be a URL of at most 1,024 printable ASCII characters")
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError as error:
        raise ValueError(f"must be a URL: {error}") from error
    if not host or url.username is not None or not _proves_itself(url.scheme, host):
        raise ValueError("must be an https URL, or http on a loopback address")
    return url


def _proves_itself(scheme: str, host: str) -> bool:
    if scheme == "https":
        return True
    try:
        return scheme == "http" and ip_address(host).is_loopback
    except ValueError:
        return False
