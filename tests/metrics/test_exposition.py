"""A process serves its metrics beside its work: to this machine, and to others only with a certificate of the fleet."""

from __future__ import annotations

import asyncio
import http.client
import logging
import socket
import ssl
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from tests.support.identities.certified import Certified, KeyPair
from tests.support.scraping.scrapes import OPEN_METRICS, Scrape, get, scrape, socket_in
from vimesh.certificates.spiffe_ids import Role
from vimesh.domain.errors import BadSetting
from vimesh.http.http_listener import listening
from vimesh.metrics import metrics_server
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.exposition import MetricsSettings, exposition_of
from vimesh.metrics.scrape_app import scrape_app


@asynccontextmanager
async def monitor(folder: Path, credentials: Path | None = None) -> AsyncGenerator[str]:
    """Serve the metrics that every process has; yields the address."""
    address = socket_in(folder)
    async with exposition_of(Component.MONITOR, MetricsSettings(address, credentials)):
        yield address


async def test_prometheus_reads_what_every_process_has(tmp_path: Path) -> None:
    async with monitor(tmp_path) as address:
        plain, opened = await scrape(address), await scrape(address, accept=OPEN_METRICS)

    for answer in (plain, opened):
        [(labels, one)] = answer.by_labels("vimesh_build_info").items()
        assert dict(labels)["component"] == "monitor"
        assert one == 1
        assert (answer.value("process_resident_memory_bytes") or 0) > 1e6
    assert opened.content_type.startswith(OPEN_METRICS)


async def test_only_get_and_known_paths_are_served(tmp_path: Path) -> None:
    async with monitor(tmp_path) as address:
        posted = await scrape(address, method="POST")
        elsewhere = await scrape(address, "/metrics/vims")
        long = await scrape(address, f"/metrics?name[]={'x' * 5000}")

    assert (posted.status, elsewhere.status, elsewhere.text) == (405, 404, "served here: /metrics\n")
    assert long.status == 414


async def test_a_loop_that_is_busy_answers_scrapes(tmp_path: Path) -> None:
    answers: list[Scrape] = []
    async with monitor(tmp_path) as address:
        asking = threading.Thread(target=lambda: answers.append(get(address)))
        asking.start()
        # The loop does nothing else meanwhile.
        asking.join(20)

    assert [answer.status for answer in answers] == [200]


async def test_a_socket_is_its_owners_alone(tmp_path: Path) -> None:
    async with monitor(tmp_path):
        assert (tmp_path / "metrics").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "192.0.2.1:9464", "host.example:9464"])
async def test_other_machines_need_certificates(listen: str) -> None:
    with pytest.raises(BadSetting, match="can be reached from other machines: that needs --credentials"):
        async with exposition_of(Component.MONITOR, MetricsSettings(listen)):
            raise AssertionError("it must not serve")


async def test_readers_from_elsewhere_show_a_certificate_of_the_fleet(tmp_path: Path) -> None:
    certified, foreign = Certified(tmp_path / "certs"), Certified(tmp_path / "foreign")
    pairs: dict[str, KeyPair | None] = {
        "person": certified.pair(Role.CLI, "reader.prometheus"),
        "part": certified.pair(Role.MONITOR, "m2"),
        "other domain": certified.with_uris("spiffe://other/cli/admin"),
        "no identity": certified.with_uris("https://example.org"),
        "other authority": foreign.pair(Role.CLI, "admin"),
        "nobody": None,
    }
    tls = metrics_server.tls_for_readers("192.0.2.1:9464", certified.part(Role.CONDUCTOR, "c1"))
    with listening("127.0.0.1:0") as listener:
        async with metrics_server.answering_scrapes(scrape_app({}), listener, tls):
            address = f"localhost:{listener.getsockname()[1]}"
            answers = {
                name: await _status(address, certified.client_context(tmp_path, pair)) for name, pair in pairs.items()
            }

    # There is nothing at the path: whoever is let in reads that.
    assert answers == dict.fromkeys(pairs, "refused") | {"person": 404, "part": 404}


async def _status(address: str, context: ssl.SSLContext) -> int | str:
    try:
        return (await scrape(address, tls=context)).status
    except (OSError, http.client.HTTPException):
        return "refused"


async def test_a_certificate_says_when_it_ends(tmp_path: Path) -> None:
    certified = Certified(tmp_path / "certs")
    folder = certified.part(Role.MONITOR, "m1")
    async with monitor(tmp_path, folder) as address:
        before = await scrape(address)
        (folder / "tls.crt").write_bytes(b"no certificate")
        after = await scrape(address)

    ends = {
        dict(labels)["file"]: end for labels, end in before.by_labels("vimesh_certificate_not_after_seconds").items()
    }
    assert ends.keys() == {"tls.crt", "ca.crt"}
    assert ends["tls.crt"] < ends["ca.crt"]
    assert after.by_labels("vimesh_certificate_not_after_seconds") == {}


async def test_a_connection_that_asks_nothing_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics_server, "_ANSWER_WITHIN_S", 0.2)
    async with monitor(tmp_path) as address:
        reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: slow")
        async with asyncio.timeout(20):
            assert await reader.read() == b""
        writer.close()


class Broken:
    def collect(self) -> Iterator[Metric]:
        raise RuntimeError("on purpose")


async def test_a_broken_collector_fails_the_scrape(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    address = socket_in(tmp_path)
    async with exposition_of(Component.MONITOR, MetricsSettings(address)) as exposition:
        exposition.register(Broken())
        with caplog.at_level(logging.CRITICAL):
            answer = await scrape(address)

    assert answer.status == 500


def test_an_address_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(BadSetting, match=f"metrics: cannot listen on {address}"):
            asyncio.run(_serve(address))


async def _serve(address: str) -> None:
    async with exposition_of(Component.MONITOR, MetricsSettings(address)):
        pass
