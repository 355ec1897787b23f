"""Builds the addresses in answers as callers must use them, since proxies before the front may have changed them.

Envoy passes the headers of proxies on only if its fleet file trusts the proxy.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode

from starlette.datastructures import URL
from starlette.requests import Request

_SCHEMES: Final = ("http", "https")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?P<port>:[0-9]{1,5})?")
_PORT = re.compile(r"[0-9]{1,5}")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}){1,16}")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}


def path_address(request: Request, path: str) -> str:
    """Return the address of a path, without a query."""
    return str(_public(request).replace(path=_prefix(request) + path, query=""))


def next_page(request: Request, marker: str) -> str:
    """Return the address of the next page, which starts after `marker`."""
    kept = [(key, value) for key, value in request.query_params.multi_items() if key != "marker"]
    url = _public(request)
    return str(url.replace(path=_prefix(request) + url.path, query=urlencode([*kept, ("marker", marker)])))


def _public(request: Request) -> URL:
    """Return the address of the request with the scheme and the host that the caller used."""
    url = request.url
    scheme = _forwarded(request, "proto")
    if scheme in _SCHEMES:
        url = url.replace(scheme=scheme)
    host = _forwarded(request, "host")
    if found := _HOST.fullmatch(host):
        url = url.replace(netloc=host if found["port"] else host + _port(request, url.scheme))
    return url


def _port(request: Request, scheme: str) -> str:
    port = _forwarded(request, "port")
    return f":{port}" if _PORT.fullmatch(port) and port != _DEFAULT_PORTS[scheme] else ""


def _prefix(request: Request) -> str:
    prefix = _forwarded(request, "prefix").rstrip("/")
    return prefix if _PREFIX.fullmatch(prefix) else ""


def _forwarded(request: Request, what: str) -> str:
    # The last value comes from the trusted proxy itself; it only passed the earlier ones on.
    return request.headers.get(f"x-forwarded-{what}", "").rpartition(",")[2].strip()
