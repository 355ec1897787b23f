"""Fuzzes the auth_url of a VIM, up to the request that a probe sends."""

from __future__ import annotations

from tests.fuzz.parser import Parser
from vimesh.domain.endpoints import AuthUrlInvalid, endpoint_of, without_credentials
from vimesh.monitor.net.ip_addresses import fixed_host
from vimesh.monitor.probes.http.http_connection import get_request

_LINES = 6
"""Lines of a request with Connection: close: GET, Host, User-Agent, Accept, Connection, and an empty one."""
_URLS = (
    *("http://10.0.0.1:5000/v3", "https://cloud.example.test/identity?a=b", "http://[::1]:80/", "http://a_b.test./"),
    *("http://[fe80::1%25eth0]:5000/v3", "http://[fe80::1%lo]/", "http://[fe80::1%251]/", "http://[fe80::1%25]/"),
    *("http://user:password@host.test/#part", "http://a@b@c/", "https://host.test:0443/", "http://host.test:/"),
    *("http://10.0.0.256/", "http://127.1/", "http://0x7f000001/", "http://host.test:99999/", "http://host:0/"),
    *(
        "HTTP://HOST.TEST/A/../B",
        "http://xn--bcher-kva.test/",
        "http://host.test/%0d%0aX-A:1",
        "ftp://host/",
        "//host/",
    ),
    *(
        "http://host.test\\@other.test/",
        "http://[v1.a]/",
        "http://[::ffff:1.2.3.4]/",
        "http:///path",
        "http://host?q#f",
    ),
    *(
        "http://-a.test/",
        "http://" + "a." * 120 + "test/",
        "http://host.test/" + "a" * 1900,
        "http://[::1",
        "http://]/",
    ),
)


def _read(data: bytes) -> None:
    url = data.decode("utf-8", "surrogateescape")
    try:
        endpoint = endpoint_of(url)
    except AuthUrlInvalid:
        _refused(url)
        return
    clean = without_credentials(url)
    assert endpoint_of(clean) == endpoint, f"another endpoint without its credentials: {clean}"
    assert "@" not in endpoint.authority, "credentials in the Host header"
    host = fixed_host(endpoint)
    assert (host is None) == (endpoint.address is None), "a name and an address at once"
    if host is not None:
        host.address(endpoint.port)
    request = get_request(endpoint, "vimesh", keep=False)
    assert request.count(b"\r\n") == request.count(b"\n") == request.count(b"\r") == _LINES, "a line was smuggled in"
    assert request.split(b"\r\n", 1)[0].count(b" ") == 2, "a blank was smuggled in"


def _refused(url: str) -> None:
    try:
        without_credentials(url)
    except AuthUrlInvalid:
        return
    raise AssertionError("refused with its credentials, and taken without them")


PARSER = Parser(name="urls", read=_read, seeds=tuple(url.encode() for url in _URLS), most_bytes=4096)
