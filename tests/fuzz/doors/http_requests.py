"""Makes HTTP/1.1 requests as bytes, and odd ones from good ones."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final
from urllib.parse import quote, urlencode

from tests.fuzz.doors.odd_json import odd_json, write
from tests.fuzz.mutations import mutated

_RAW_SHARE = 0.1
_MOST_RAW_BYTES = 64 * 1024
_HOST = b"Host: fuzzed.test\r\n"
_PLAIN: Final = re.compile(rb"[A-Z]+ /[!-~]* HTTP/1\.1\r\nHost: fuzzed\.test\r\n(?:[A-Za-z-]+: [\t -~]*\r\n)*\r\n")
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: (\d+)\r\n")
_OTHER_BODY: Final = re.compile(
    rb"(?i)\r\n(?:transfer-encoding|expect|upgrade|connection|te|content-length:.*\r\ncontent-length):"
)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO")
_TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/grpc",
    "multipart/form-data",
    "a" * 300,
)
_TEXTS = (
    *("", "0", "-1", "1001", "99999999999999999999", "1.5", "true", "\0", "\xff", "a" * 4097, "%", "../..", "a/b", "*"),
    *(
        'status = UNKNOWN AND name = "a*"',
        "name=" + '"*' * 400 + '"',
        "AND " * 900,
        "(" * 3000,
        "=" * 4096,
        "name desc",
    ),
    *(
        "\U0001f600",
        "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        "null",
        "[]",
        "NaN",
        "; DROP TABLE vims",
    ),
)
_NAMES = (
    "page_size",
    "page_token",
    "filter",
    "order_by",
    "vim_id",
    "start_revision",
    "snapshot",
    "fields",
    "limit",
    "marker",
)
_OTHER_NAMES = (
    "name",
    "status",
    "tenant_id",
    "a",
    "",
    "vim.name",
    "vim",
    "request.data",
    "page_size.a",
    "\0",
    "$alt",
    "callback",
)
_HEADERS: Sequence[tuple[str, str]] = (
    *(("Accept", "text/html"), ("Accept-Encoding", "gzip, br"), ("Content-Encoding", "gzip"), ("Range", "bytes=0-1")),
    *(("X-HTTP-Method-Override", "DELETE"), ("Grpc-Timeout", "1n"), ("Grpc-Timeout", "a"), ("Expect", "100-continue")),
    *(
        ("X-Request-Id", "a" * 2000),
        ("X-Forwarded-For", "1.2.3.4, " * 100),
        ("X-Envoy-Retry-On", "5xx"),
        ("Cookie", "a=b"),
    ),
    *(
        ("X-Envoy-Upstream-Rq-Timeout-Ms", "1"),
        ("Grpc-Status", "0"),
        ("Te", "trailers"),
        ("Upgrade", "h2c"),
        ("X-A", "a" * 50_000),
    ),
    *(
        ("Transfer-Encoding", "chunked"),
        ("Content-Length", "5"),
        ("Connection", "close"),
        ("X-Envoy-Original-Path", "/v1/vims"),
    ),
    *(("Grpc-Encoding", "gzip"), ("Grpc-Encoding", "a"), ("Grpc-Accept-Encoding", "a,,"), ("Grpc-Tags-Bin", "%")),
    *(
        ("A-Bin", "*"),
        ("Grpc-Trace-Bin", "a"),
        ("Grpc-Previous-Rpc-Attempts", "a"),
        ("Te", "a"),
        ("Grpc-Timeout", "1S"),
    ),
    *(
        ("Grpc-Retry-Pushback-Ms", "a"),
        ("User-Agent", "a" * 3000),
        ("Endpoint-Load-Metrics-Bin", "a"),
        ("Lb-Token", "a"),
    ),
    *(
        ("Grpc-Message-Type", "a"),
        ("Content-Type", "application/grpc+proto"),
        ("Authorization", "Bearer " + "a" * 12_000),
    ),
)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None

    def encoded(self) -> bytes:
        target = self.path + ("?" + urlencode(self.query, errors="surrogatepass") if self.query else "")
        lines = [f"{name}: {value}\r\n" for name, value in self.headers]
        if self.body is not None:
            lines.append(f"Content-Length: {len(self.body)}\r\n")
        head = f"{self.method} {target} HTTP/1.1\r\n".encode() + _HOST + "".join(lines).encode() + b"\r\n"
        return head + (self.body or b"")


def with_json(method: str, path: str, body: Any) -> HttpRequest:  # noqa: ANN401 - what JSON holds
    return HttpRequest(method, path, headers=[("Content-Type", "application/json")], body=write(body).encode())


def answer_is_due(request: bytes) -> bool:
    """Return whether a request is complete, and plain enough that it must be answered."""
    head = _PLAIN.match(request)
    if head is None or _OTHER_BODY.search(head[0]):
        return False
    length = _LENGTH.search(head[0])
    return (int(length[1]) if length else 0) == len(request) - head.end()


def odd_request(random: Random, good: HttpRequest, body: Any) -> bytes:  # noqa: ANN401 - what JSON holds
    """Return the bytes of an odd request; `body` is the body of the good one, or None."""
    made = good
    if body is not None:
        made = replace(made, body=odd_json(random, body))
    if body is None or random.random() < 0.2:
        for _ in range(random.randint(1, 3)):
            made = random.choice(_CHANGES)(random, made)
    data = made.encoded()
    return mutated(random, data, [good.encoded()], _MOST_RAW_BYTES) if random.random() < _RAW_SHARE else data


def _change_method(random: Random, request: HttpRequest) -> HttpRequest:
    return replace(request, method=random.choice(_METHODS))


def _change_path(random: Random, request: HttpRequest) -> HttpRequest:
    parts = request.path.split("/")
    parts[random.randrange(len(parts))] = quote(random.choice(_TEXTS), safe=random.choice(("", "/:%")))
    return replace(request, path="/" + "/".join(parts).lstrip("/"))


def _lengthen_path(random: Random, request: HttpRequest) -> HttpRequest:
    more = random.choice(
        ("/", "//", ":watch", "/events", ".json", "/%2e%2e/", "/" + "a" * 8000, "%00", "%ff", "/a" * 3000, ";a")
    )
    return replace(request, path=request.path + more)


def _add_query(random: Random, request: HttpRequest) -> HttpRequest:
    pair = (random.choice((*_NAMES, *_NAMES, *_OTHER_NAMES)), random.choice(_TEXTS))
    return replace(request, query=[*request.query, *[pair] * random.choice((1, 1, 1, 2, 500))])


def _add_header(random: Random, request: HttpRequest) -> HttpRequest:
    return replace(request, headers=[*request.headers, *[random.choice(_HEADERS)] * random.choice((1, 1, 1, 2, 150))])


def _change_type(random: Random, request: HttpRequest) -> HttpRequest:
    return replace(request, headers=[("Content-Type", random.choice(_TYPES))])


def _add_body(random: Random, request: HttpRequest) -> HttpRequest:
    return replace(request, body=odd_json(random, {"vim": {"name": "a"}}))


_CHANGES = (
    *(
        _add_query,
        _add_query,
        _add_query,
        _change_path,
        _lengthen_path,
        _add_header,
        _change_method,
        _change_type,
        _add_body,
    ),
)
