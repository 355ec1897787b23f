"""Reads metrics as Prometheus does, with the parsers of its client library."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open
from prometheus_client.parser import text_string_to_metric_families as parse

LIMIT_S = 30.0
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Scrape:
    status: int
    text: str
    content_type: str
    kinds: dict[str, str] = field(default_factory=dict)
    """The type of each metric, by the name in the catalogue."""
    values: dict[tuple[str, Labels], float] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float | None:
        return self.values.get((name, tuple(sorted(labels.items()))))

    def by_labels(self, name: str) -> dict[Labels, float]:
        return {labels: value for (sample, labels), value in self.values.items() if sample == name}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=LIMIT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LIMIT_S)
        self.sock.connect(self._path)


def get(
    address: str, target: str = "/metrics", *, method: str = "GET", accept: str = "", tls: ssl.SSLContext | None = None
) -> Scrape:
    """Ask once. `address`: `host:port`, or `unix:` and a path. The text of a good answer must be well-formed.

    Whether each metric is there once is not asked of Envoy, which has some in several places.
    """
    if address.startswith("unix:"):
        connection: http.client.HTTPConnection = _UnixConnection(address.removeprefix("unix:"))
    elif tls is not None:
        connection = http.client.HTTPSConnection(address, timeout=LIMIT_S, context=tls)
    else:
        connection = http.client.HTTPConnection(address, timeout=LIMIT_S)
    try:
        connection.request(method, target, headers={"Accept": accept} if accept else {})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    content_type = answer.headers["Content-Type"]
    if answer.status != 200:
        return Scrape(answer.status, text, content_type)
    opened = content_type.startswith("application/openmetrics")
    families = list(parse_open(text) if opened else parse(text))  # type: ignore[no-untyped-call]
    names = {family.name for family in families}
    assert len(names) == len(families) or target.endswith("/envoy"), "a metric is there twice"
    kinds = {f"{family.name}_total" if family.type == "counter" else family.name: family.type for family in families}
    values = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }
    return Scrape(answer.status, text, content_type, kinds, values)


async def scrape(address: str, target: str = "/metrics", **options: object) -> Scrape:
    """Ask in a thread: what is asked may run in this loop."""
    return await asyncio.to_thread(get, address, target, **options)  # type: ignore[arg-type]  # those of `get`


def socket_in(folder: Path) -> str:
    return f"unix:{folder / 'metrics'}"
