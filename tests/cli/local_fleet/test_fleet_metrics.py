"""A fleet on one machine shows all its metrics at one port: what the catalogue lists, and nothing else."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import pytest

from tests.support.callers.commands import Command
from tests.support.callers.running import Fleet
from tests.support.scraping.scrapes import Scrape, get
from tests.support.timing.waiting import until
from vimesh.metrics.catalogue.metric_entry import Component
from vimesh.metrics.metric_catalogue import CATALOGUE, entries_of

pytestmark = pytest.mark.fleet

PROCESSES = {
    "conductor-1": Component.CONDUCTOR,
    "conductor-2": Component.CONDUCTOR,
    "api": Component.API,
    "monitor": Component.MONITOR,
    "notifier": Component.NOTIFIER,
    "console": Component.CONSOLE,
}


def address_of(up: Fleet) -> str:
    found = re.search(r"Metrics for Prometheus: (http://127\.0\.0\.1:\d+/metrics)\n", "\n".join(up.lines))
    assert found is not None
    return urlsplit(found[1]).netloc


def all_up(address: str) -> Scrape | None:
    """Return what a scrape says once all processes serve: a monitor has nothing to wait for at the start."""
    answer = get(address)
    up = {dict(labels)["process"] for labels, value in answer.by_labels("vimesh_process_up").items() if value}
    return answer if up == PROCESSES.keys() else None


@pytest.mark.parametrize("process", PROCESSES)
async def test_each_process_has_what_the_catalogue_lists_and_nothing_else(shared_fleet: Fleet, process: str) -> None:
    address = address_of(shared_fleet)
    await until(lambda: all_up(address) is not None, 30)
    answer = get(address, f"/metrics/{process}")

    expected = {entry.name: entry for entry in entries_of(PROCESSES[process])}
    assert answer.kinds.keys() <= expected.keys()
    assert all(str(expected[name].kind) == kind for name, kind in answer.kinds.items())
    missing = expected.keys() - answer.kinds.keys()
    assert {name for name in missing if not expected[name].condition} == set()
    for name, labels in answer.values:
        entry = next((each for each in expected.values() if name.startswith(each.name)), None)
        assert entry is not None
        assert {label for label, _ in labels} - {"le"} == set(entry.labels)


async def test_one_answer_says_whose_each_is(shared_fleet: Fleet) -> None:
    address = address_of(shared_fleet)
    await until(lambda: all_up(address) is not None, 30)
    answer = get(address)

    builds = {dict(labels)["process"]: dict(labels)["component"] for labels in answer.by_labels("vimesh_build_info")}
    assert builds == {name: str(component) for name, component in PROCESSES.items()}
    assert answer.kinds.keys() <= {entry.name for entry in CATALOGUE}
    assert all("process" in dict(labels) for _, labels in answer.values)


def test_vims_and_the_front_are_there_too(shared_fleet: Fleet, user: Command) -> None:
    address = address_of(shared_fleet)
    assert user("vim", "register", "seen", "--auth-url", "http://127.0.0.1:9/v3").code == 0
    assert user("vim", "wait", "seen", "--for", "UNREACHABLE").code == 0

    vims, envoy = get(address, "/metrics/vims"), get(address, "/metrics/envoy")

    values = {value for labels, value in vims.by_labels("probe_success").items() if ("name", "seen") in labels}
    assert values == {0}
    assert get(address, "/metrics/vims?shard=2/2").status == 503
    assert any(name.startswith("envoy_cluster_") for name in envoy.kinds)
    assert user("vim", "deregister", "seen").code == 0


def test_a_port_that_is_taken_is_refused_before_anything_starts(vimesh: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = vimesh("up", "--port", "0", "--metrics-port", str(port))

    assert ended.code == 1
    assert ended.err == f"error: --metrics-port: cannot listen on 127.0.0.1:{port}: Address already in use\n"
